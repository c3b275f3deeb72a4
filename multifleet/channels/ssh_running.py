"""Runs `multifleet` on a peer over a kept SSH connection: fixed words, all that varies goes in by standard input."""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

import msgspec

from multifleet.channels.base import ChannelError, Target
from multifleet.channels.ssh_connections import NotOpen, SshConnections, once_more

NOT_FOUND = 127
ERRORS_LIMIT = 4_096
"""Bytes of standard error that are looked at."""


@dataclass(frozen=True, slots=True)
class Ran:
    """How a command over there ended."""

    status: int
    """Its exit status; -1 where a signal ended it, or the connection."""
    output: bytes
    errors: str
    where: str
    """As whom it ran, and where."""


Form = TypeVar("Form", bound=msgspec.Struct)


def printed(ran: Ran, form: type[Form]) -> Form | None:
    """The JSON line that it printed; what a login script prints before it is passed over. None where there is none."""
    for line in reversed(ran.output.splitlines()):
        if line.startswith(b'{"'):
            try:
                return msgspec.json.decode(line, type=form)
            except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
                return None
    return None


async def run_there(connections: SshConnections, target: Target, words: Sequence[str], stdin: bytes, limit: int) -> Ran:
    """Run `multifleet` there with these words, which are written in the code of the caller and nowhere else.

    ChannelError where it does not run, or prints more than `limit` bytes. Who calls it sets the deadline; when that
    cuts it short, what it reads ends, and with it the command.
    """
    command = " ".join(shlex.quote(word) for word in (*target.configured.remote_command, *words))
    return await run_command(connections, target, f"exec {command}", stdin, limit)


async def run_command(connections: SshConnections, target: Target, command: str, stdin: bytes, limit: int) -> Ran:
    """The same for any command that the login shell there is to read, in which nothing is a peer's or a user's word."""
    return await once_more(partial(_run, connections, target, command, stdin, limit))


async def _run(connections: SshConnections, target: Target, command: str, stdin: bytes, limit: int) -> Ran:
    import asyncssh

    from multifleet.channels.ssh_opening import in_words

    async with connections.to(target) as kept:
        where = str(kept.login)
        try:
            process = await kept.connection.create_process(command, encoding=None)
        except asyncssh.ChannelOpenError as error:
            if not kept.is_open:
                raise NotOpen(f"{where}: {in_words(error)}") from None
            raise ChannelError(f"{where}: no command can be run there ({in_words(error)})") from None
        except (asyncssh.Error, OSError) as error:
            connections.forget(target.node)
            raise ChannelError(f"{where}: {in_words(error)}") from None
        try:
            process.stdin.write(stdin)
            process.stdin.write_eof()
            output = await _read(process.stdout, limit)
            errors = await _read(process.stderr, ERRORS_LIMIT)
            if len(output) > limit:
                raise ChannelError(f"{where}: it prints more than {limit} bytes", unknown=True)
            if len(errors) <= ERRORS_LIMIT:
                await process.wait_closed()
        except (asyncssh.Error, OSError) as error:
            connections.forget(target.node)
            raise ChannelError(f"{where}: {in_words(error)}", unknown=True) from None
        finally:
            process.close()
    status = process.exit_status
    return Ran(-1 if status is None else status, output, errors.decode(errors="replace"), where)


async def _read(reader: "asyncssh.SSHReader[bytes]", limit: int) -> bytes:  # type: ignore[name-defined]  # noqa: F821
    found = bytearray()
    while len(found) <= limit and (piece := await reader.read(65_536)):
        found += piece
    return bytes(found)
