"""What the tailscale program says about this machine's tailnet: own addresses, and those of machines by their names.

The program is asked and nothing is changed. Its answer is bounded in time and size; one that is neither understood nor
in time is worth nothing, and never stops anything.
"""

import asyncio
import contextlib
import os
import re
import signal
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import msgspec

from multifleet.core.sightings import reachable
from multifleet.node.counters import Counters
from multifleet.paths import program_on

SECONDS = 3.0
"""That the program may take."""
EVERY = 60.0
AGAIN = 5.0
"""Seconds until it is asked again where its answer was of no use."""
FORGIVEN = 3
"""Answers in a row that are of no use before what an earlier one said counts no more: a busy machine is slow."""
ANSWER_LIMIT = 4 * 1024 * 1024
"""Bytes; a tailnet of a thousand machines has about one million."""
MACHINES_LIMIT = 2_000
RUNNING = "Running"


class _Machine(msgspec.Struct, rename="pascal"):
    host_name: str = ""
    dns_name: str = msgspec.field(default="", name="DNSName")
    tailscale_ips: list[str] | None = msgspec.field(default=None, name="TailscaleIPs")


class _Status(msgspec.Struct, rename="pascal"):
    backend_state: str
    self_: _Machine | None = msgspec.field(default=None, name="Self")
    tailscale_ips: list[str] | None = msgspec.field(default=None, name="TailscaleIPs")
    peer: dict[str, _Machine] | None = None


@dataclass(frozen=True, slots=True)
class Tailnet:
    """One answer, understood."""

    own: tuple[str, ...] = ()
    """This machine's IP addresses in the tailnet."""
    machines: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """Names in the shape of node ids, each with IP addresses."""


class NotUnderstood(Exception):
    """The program's answer is not one; the message is for people."""


class Tailscale:
    """Asks now and then, while the program is there."""

    def __init__(self, found: Callable[[Tailnet], None], counters: Counters, *, every: float = EVERY) -> None:
        self._found = found
        self._counters = counters
        self._every = every

    async def run(self) -> None:
        """Until cancelled."""
        last, useless = Tailnet(), 0
        while True:
            now = await self._ask()
            useless = 0 if now is not None else useless + 1
            if 0 < useless <= FORGIVEN:
                await asyncio.sleep(min(AGAIN, self._every))
                continue
            now = now or Tailnet()
            if now != Tailnet() or last != Tailnet():
                self._found(now)
            last = now
            await asyncio.sleep(self._every)

    async def _ask(self) -> Tailnet | None:
        """None where there was no answer, or none that can be understood."""
        program = program_on(None, "tailscale")
        if program is None:
            return Tailnet()
        try:
            return understood(await answer_of([program, "status", "--json"]))
        except NotUnderstood as error:
            self._counters.failed("tailscale_unusable", reason=error)
            return None


def understood(answer: bytes) -> Tailnet:
    """What the program's answer says; a tailnet that is not up is an empty one."""
    try:
        status = msgspec.json.decode(answer, type=_Status)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise NotUnderstood("its answer is not a status") from None
    if status.backend_state != RUNNING:
        return Tailnet()
    own = status.tailscale_ips or (status.self_.tailscale_ips if status.self_ else None) or []
    machines: dict[str, tuple[str, ...]] = {}
    for machine in list((status.peer or {}).values())[:MACHINES_LIMIT]:
        addresses = _addresses(machine.tailscale_ips or [])
        names = {_as_node_id(machine.host_name), _as_node_id(machine.dns_name.partition(".")[0])}
        for name in names if addresses else ():
            machines[name] = (*machines.get(name, ()), *addresses)[:8]
    machines.pop("", None)
    return Tailnet(_addresses(own), tuple(sorted(machines.items())))


async def answer_of(argv: Sequence[str], seconds: float = SECONDS, limit: int = ANSWER_LIMIT) -> bytes:
    """What a program prints; it and all that it started are gone at the end, whatever happens."""
    try:
        process = await asyncio.create_subprocess_exec(
            *argv,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            start_new_session=True,
        )
    except OSError as error:
        raise NotUnderstood(error.strerror or "it cannot be started") from None
    assert process.stdout is not None
    printed = bytearray()
    try:
        async with asyncio.timeout(seconds):
            while piece := await process.stdout.read(65_536):
                printed += piece
                if len(printed) > limit:
                    raise NotUnderstood(f"its answer is longer than {limit} bytes")
            status = await process.wait()
    except TimeoutError:
        raise NotUnderstood(f"no answer within {seconds:g} s") from None
    finally:
        with contextlib.suppress(ProcessLookupError, PermissionError):  # macOS says the latter of a group that is gone
            os.killpg(process.pid, signal.SIGKILL)
        process._transport.close()  # type: ignore[attr-defined]  # a child of it may hold the pipe open
        await process.wait()
    if status:
        raise NotUnderstood(f"it ended with status {status}")
    return bytes(printed)


def _addresses(texts: Sequence[str]) -> tuple[str, ...]:
    """Those that are IP addresses of a machine."""
    return tuple(dict.fromkeys(text for text in texts[:16] if reachable(text, 1) is not None))


def _as_node_id(name: str) -> str:
    """A host name in the shape of a node id, as `init` makes one; empty where nothing is left of it."""
    return re.sub(r"[^a-z0-9-]+", "-", name.split(".")[0].lower()).strip("-")[:63]
