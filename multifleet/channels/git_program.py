"""Runs git in a folder of its own, within limits: what it may print, how large the folder may grow, and on Linux how
much memory each of its processes may take.

It and all that it started are gone when `run` is over, however that ends.
"""

import asyncio
import contextlib
import os
import re
import signal
import sys
from collections.abc import Collection, Sequence
from pathlib import Path

from multifleet.channels.base import ChannelError
from multifleet.channels.git_remote import environment, settings
from multifleet.core.visible import visible
from multifleet.paths import program_on

PRINTED = 256 * 1024
"""Bytes that git may print where nothing else is said."""
TROUBLE = 64 * 1024
"""Bytes of complaints that are read; the last of them are the reason."""
MEMORY = 256 * 1024 * 1024
"""Bytes of data that each process of git may have: a few kilobytes of a pack may say that they unpack to any size."""
LOOK_EVERY = 0.05
"""Seconds between two looks at the size of the folder: at the speed of a disk some ten megabytes too much."""

_LIMITED = 'ulimit -d "$1" 2>/dev/null; shift; exec "$@"'
"""Set from outside, after the start, it would come too late for what git has started by then. Where it cannot be set,
this process has less already."""
_NO_MEMORY = re.compile(
    rb"^(?:remote: )?(?:fatal|error): .*(?:out of memory|cannot allocate memory)", re.IGNORECASE | re.MULTILINE
)
_SAID = (
    (
        "Host key verification failed",
        "the git host's SSH key is unknown here, or changed: connect once by hand",
    ),
    ("Permission denied", "the git host refuses this machine's login: see docs/git.md"),
    (
        "could not read Username",
        "the git host wants a login: see docs/git.md",
    ),
    ("Authentication failed", "the git host refuses this machine's login: see docs/git.md"),
    ("Could not resolve host", "the git host's name cannot be looked up"),
    ("Connection refused", "the git host refuses connections"),
    ("Failed to connect", "the git host takes no connections"),
    ("timed out", "the git host does not answer"),
    ("not found", "the git host has no such repository, or this login may not see it"),
    ("does not appear to be a git repository", "there is no git repository"),
    ("not a git repository", "there is no git repository"),
)


class TooMuch(Exception):
    """Git was stopped because it printed, fetched or unpacked more than it may."""


class GitFailed(ChannelError):
    """Git ended with an error; `told` is what it had printed by then."""

    def __init__(self, reason: str, told: bytes = b"", *, unknown: bool = False) -> None:
        super().__init__(reason, unknown=unknown)
        self.told = told


async def run(
    folder: Path, words: Sequence[str], fed: bytes = b"", *, printed: int = PRINTED, grown: int | None = None
) -> bytes:
    """What git prints; GitFailed where it fails, TooMuch beyond so many bytes `printed`, or `grown` by its folder, or
    where what it was sent does not fit into MEMORY."""
    found = program_on(os.environ.get("PATH", os.defpath), "git")
    if found is None:
        raise GitFailed("git cannot be started (there is none on the path): install it, or set channels.off")
    begun = asyncio.create_task(_begin(limited((found, *settings(), *words)), folder, has_input=bool(fed)))
    try:
        process = await asyncio.shield(begun)
    except asyncio.CancelledError:
        # It may run already, and what it has started as well: of that nobody would know any more.
        with contextlib.suppress(OSError):
            process = await begun
            _kill(process)
            await process.wait()
        raise
    except OSError as error:
        raise GitFailed(f"git cannot be started ({error.strerror}): install it, or set channels.off") from None
    assert process.stdout is not None and process.stderr is not None
    works = [
        asyncio.create_task(_read(process.stdout, printed), name="git prints"),
        asyncio.create_task(_read(process.stderr, TROUBLE), name="git complains"),
        asyncio.create_task(_feed(process, fed), name="git is fed"),
    ]
    watch = [] if grown is None else [asyncio.create_task(_watch(folder, grown), name="git's folder grows")]
    try:
        await _all(works, watch)
        status = await process.wait()
    finally:
        for task in (*works, *watch):
            task.cancel()
        _kill(process)
        await asyncio.gather(*works, *watch, return_exceptions=True)
        await process.wait()
        if process.stdin is not None:
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                await process.stdin.wait_closed()
    if status and _NO_MEMORY.search(works[1].result()):
        raise TooMuch(f"what the git remote sent does not unpack within {MEMORY} bytes of memory")
    if status:
        raise _failed(status, works[0].result(), works[1].result())
    return works[0].result()


async def _begin(command: Sequence[str], folder: Path, *, has_input: bool) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.PIPE if has_input else asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=environment(folder),
        cwd=folder,
        start_new_session=True,
    )


def _kill(process: asyncio.subprocess.Process) -> None:
    """It, and all that it has started."""
    with contextlib.suppress(ProcessLookupError, PermissionError):  # macOS says the latter of a group that is gone
        os.killpg(process.pid, signal.SIGKILL)
    process._transport.close()  # type: ignore[attr-defined]  # a child of it may hold a pipe open


def limited(command: Sequence[str], platform: str = sys.platform) -> tuple[str, ...]:
    """The command, such that it and what it starts get no more than MEMORY each; only Linux counts that."""
    if platform != "linux":
        return tuple(command)
    return ("/bin/sh", "-c", _LIMITED, "multifleet-git", str(MEMORY // 1024), *command)


async def _all(works: Collection[asyncio.Task[bytes]], watch: Collection[asyncio.Task[bytes]]) -> None:
    """Until all works are done; the first fault of any, or of the watch, ends it."""
    left = set(works)
    while left:
        done, _ = await asyncio.wait({*left, *watch}, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
        left -= done


async def _read(stream: asyncio.StreamReader, limit: int) -> bytes:
    read = bytearray()
    while piece := await stream.read(65_536):
        read += piece
        if len(read) > limit:
            raise TooMuch(f"git printed more than {limit} bytes")
    return bytes(read)


async def _feed(process: asyncio.subprocess.Process, fed: bytes) -> bytes:
    if process.stdin is None:
        return b""
    # uvloop raises RuntimeError where the program has ended already; its status says what was wrong
    with contextlib.suppress(BrokenPipeError, ConnectionResetError, RuntimeError):
        process.stdin.write(fed)
        await process.stdin.drain()
    process.stdin.close()
    return b""


async def _watch(folder: Path, limit: int) -> bytes:
    while True:
        await asyncio.sleep(LOOK_EVERY)
        if _packs(folder) > limit:
            raise TooMuch(f"the git remote sent more than {limit} bytes")


def _packs(folder: Path) -> int:
    """Bytes of what was fetched; git makes one file of it."""
    size = 0
    with contextlib.suppress(OSError), os.scandir(folder / "objects" / "pack") as files:
        for file in files:
            with contextlib.suppress(OSError):
                size += file.stat(follow_symlinks=False).st_size
    return size


def _failed(status: int, told: bytes, complaints: bytes) -> GitFailed:
    text = complaints.decode(errors="replace")
    for word, meaning in _SAID:
        if word in text:
            return GitFailed(meaning, told)
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    last = next((line for line in reversed(lines) if line.startswith(("fatal:", "error:"))), "".join(lines[-1:]))
    return GitFailed(f"git: {visible(last, one_line=True)[:160] or f'status {status}'}", told, unknown=True)
