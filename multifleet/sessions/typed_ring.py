"""Wakes an idle session that has no better way by typing one line of ours into its prompt, in the pane of tmux in which
it runs, and sending it. The last way: the line reaches the model as its user's own words.

So it is the same line always and never a message's text; nothing is typed where anything else stands in the prompt, and
Enter is pressed only while that line and nothing else stands there. Who is asked before commands run is told by the
caller, or by the screen.
"""

import asyncio
import contextlib
import os
import secrets
import stat
import tempfile
from collections.abc import Sequence
from pathlib import Path

from multifleet.core import prompts
from multifleet.core.panes import PANE_FORMAT, STATE_FORMAT, Pane, read_panes, squeezed
from multifleet.sessions.base import Session, Unreachable
from multifleet.sessions.codex_queue import WORDS
from multifleet.sessions.processes import started_at

TIMEOUT = 2.0
"""Seconds for one program; tmux answers within some hundredths of one."""
DRAWN, TAKEN = 3.0, 5.0
"""Seconds for the client to draw what was put there, and to take it."""
PAUSE = 0.08
"""Seconds between two looks; an Enter within 0.04 s of pasted text is taken for a part of it by some clients."""
YES = "typed"
_SAY_YES, _SAY_NO = f"display-message -p {YES}", "display-message -p changed"
SERVERS = 16
"""Servers of tmux that are asked, the newest first."""
PATH = ":".join((os.environ.get("PATH", os.defpath), "/opt/homebrew/bin", "/usr/local/bin"))


class NotNow(Unreachable):
    """Nothing was typed, because of what the screen shows, or because it could not be looked at; that may change."""


class _Slow(Unreachable):
    """A program took too long: what it would have said or done is not known."""


async def type_ring(client: str, pane: Pane) -> None:
    """Have the session in this pane begin a turn with our line; Unreachable says why it did not."""
    try:
        state, screen = await _look(pane)
    except Unreachable as error:
        raise NotNow(str(error)) from None
    # A daemon that ended in between has left it there: only Enter is missing.
    if not prompts.awaits_enter(client, state, screen, WORDS):
        if why_not := prompts.why_not_typed(client, state, screen):
            raise NotNow(why_not)
        await _put(pane, state)
    await _send(client, pane)


async def find_pane(session: Session) -> Pane | None:
    """The pane of tmux in whose foreground the session's own process runs; None where there is none, NotNow where that
    cannot be told because a program took too long."""
    try:
        tty = await _terminal_of(session)
    except _Slow as error:
        raise NotNow(str(error)) from None
    except Unreachable:
        return None
    if tty is None:
        return None
    slow = ""
    for server in await asyncio.to_thread(_servers, session.pid):
        try:
            listed = await _tmux(server, "list-panes", "-a", "-F", PANE_FORMAT)
        except _Slow as error:
            slow = str(error)
        except Unreachable:  # a server that is gone leaves its socket
            continue
        else:
            for pane in read_panes(server, listed):
                if pane.tty == tty and await asyncio.to_thread(_reads_from, session.pid, tty):
                    return pane
    if slow:
        raise NotNow(slow)
    return None


async def _terminal_of(session: Session) -> str | None:
    said = await _run(["ps", "-o", "pgid=,tpgid=,tty=", "-p", str(session.pid)])
    words = said.split()
    if len(words) != 3 or words[0] != words[1] or started_at(session.pid) != session.proc_start:
        return None
    return f"/dev/{words[2]}"


def _reads_from(pid: int, tty: str) -> bool:
    """Whether a process reads from this very device: a terminal of another container may have the same name."""
    try:
        return os.path.samestat(os.stat(f"/proc/{pid}/fd/0"), os.stat(tty))
    except OSError:
        return not os.path.exists("/proc/self/fd")  # where containers share no processes with their machine


def _servers(pid: int) -> list[str]:
    """Sockets of this user's servers, first the one that the process itself names."""
    folders = {os.environ.get("TMUX_TMPDIR") or tempfile.gettempdir(), "/tmp"}
    found: dict[str, float] = {}
    for folder in folders:
        with contextlib.suppress(OSError), os.scandir(f"{folder}/tmux-{os.getuid()}") as entries:
            found |= {entry.path: entry.stat(follow_symlinks=False).st_mtime for entry in entries}
    named = _named_by(pid)
    paths = [*named, *sorted((path for path in found if path not in named), key=lambda path: -found[path])]
    return [path for path in paths[:SERVERS] if _is_own_socket(path)]


def _named_by(pid: int) -> list[str]:
    try:
        variables = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return []
    found = (os.fsdecode(variable[5:]) for variable in variables if variable.startswith(b"TMUX="))
    return [value.rsplit(",", 2)[0] for value in found]


def _is_own_socket(path: str) -> bool:
    try:
        found = os.lstat(path)
    except OSError:
        return False
    return stat.S_ISSOCK(found.st_mode) and found.st_uid == os.getuid()


async def _put(pane: Pane, state: str) -> None:
    """Into the prompt, if it is still as it was. Where it took long, it may have been put there: who sends it sees."""
    buffer = f"mf{secrets.token_hex(8)}"
    try:
        await _tmux(pane.server, "load-buffer", "-b", buffer, "-", stdin=WORDS.encode())
    except Unreachable as error:
        raise NotNow(str(error)) from None
    yes = f"paste-buffer -p -d -b {buffer} -t {pane.id} ; {_SAY_YES}"
    if not await _was_done(pane, state, yes, f"delete-buffer -b {buffer} ; {_SAY_NO}"):
        raise NotNow("somebody typed there just now")


async def _send(client: str, pane: Pane) -> None:
    """Press Enter while our line and nothing else stands in the prompt, until the client has taken it.

    Once, and again only where the cursor has moved: then the client took the Enter for a part of what was pasted. One
    that is slow to draw would send the line twice.
    """
    words, pressed = squeezed(WORDS), ""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(DRAWN + TAKEN):
            while True:
                await asyncio.sleep(PAUSE)
                try:
                    state, screen = await _look(pane)
                except _Slow:
                    continue
                held = prompts.holds(client, state, screen)
                if held == words and state != pressed:
                    if await _was_done(pane, state, f"send-keys -t {pane.id} Enter ; {_SAY_YES}", _SAY_NO):
                        pressed = state
                elif pressed and not held.startswith(words[:20]):
                    return
    raise Unreachable("the line was put into its prompt and not taken")


async def _look(pane: Pane) -> tuple[str, str]:
    """The pane's state, and the lines that it shows with their colours."""
    looked = ("display-message", "-p", "-t", pane.id, STATE_FORMAT, ";", "capture-pane", "-e", "-p", "-t", pane.id)
    state, _, screen = (await _tmux(pane.server, *looked)).partition("\n")
    return state, screen


async def _was_done(pane: Pane, state: str, yes: str, no: str) -> bool:
    """Whether the pane was still as it was, so that `yes` was done; also where that may be."""
    same = f"#{{==:{STATE_FORMAT},{state}}}"
    try:
        return (await _tmux(pane.server, "if-shell", "-F", "-t", pane.id, same, yes, no)).strip() == YES
    except _Slow:
        return True


async def _tmux(server: str, *words: str, stdin: bytes = b"") -> str:
    return await _run(["tmux", "-u", "-S", server, *words], stdin)


async def _run(words: Sequence[str], stdin: bytes = b"") -> str:
    environment = {name: os.environ[name] for name in ("HOME", "LANG", "LC_ALL") if name in os.environ}
    try:
        process = await asyncio.create_subprocess_exec(
            *words,
            env={"LC_CTYPE": "C.UTF-8", **environment, "PATH": PATH},
            stdin=asyncio.subprocess.PIPE if stdin else asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
    except OSError as error:
        raise Unreachable(f"{words[0]} cannot be started: {error.strerror}") from None
    try:
        async with asyncio.timeout(TIMEOUT):
            output, _ = await process.communicate(stdin or None)
    except RuntimeError:  # of uvloop's, where the program has ended before it was given anything
        raise Unreachable(f"{words[0]} ended at once") from None
    except TimeoutError:
        raise _Slow(f"{words[0]} took more than {TIMEOUT:g} s") from None
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
    if process.returncode != 0:
        raise Unreachable(f"{words[0]} failed")
    return output.decode(errors="replace")
