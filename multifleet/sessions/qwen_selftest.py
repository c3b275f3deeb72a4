"""Runs an installed Qwen Code in a throwaway home against a scripted API on loopback, to try what it does there.

Nothing of the user's settings, keys or environment goes in, and no request leaves the machine.
"""

import asyncio
import contextlib
import fcntl
import json
import os
import pty
import signal
import struct
import termios
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from pathlib import Path

from multifleet.sessions.base import Session, UnknownOutcome, Unreachable
from multifleet.sessions.claude_inbox import SocketTaken
from multifleet.sessions.claude_selftest import END_SECONDS, POLL, SelfTest
from multifleet.sessions.own_files import NotOurs
from multifleet.sessions.qwen_registry import QwenRegistry

ROWS, COLUMNS = 50, 160
MAX_SCREEN = 1024 * 1024
SETTINGS = {
    "$version": 4,
    "security": {"auth": {"selectedType": "openai"}},
    "privacy": {"usageStatisticsEnabled": False},
    "general": {"enableAutoUpdate": False},
    "telemetry": {"enabled": False},
    "permissions": {"allow": ["list_agents", "send_message"]},
}
MAX_COMMAND = 64 * 1024


class Screen:
    """What a client wrote to its terminal."""

    def __init__(self, terminal: int) -> None:
        self._content = bytearray()
        self._news = asyncio.Event()
        self._terminal = terminal
        asyncio.get_running_loop().add_reader(terminal, self._read)

    def _read(self) -> None:
        try:
            piece = os.read(self._terminal, 65536)
        except OSError:
            piece = b""  # its last process has ended
        if not piece:
            self.close()
        self._content += piece
        del self._content[:-MAX_SCREEN]
        self._news.set()

    async def shows(self, words: bytes) -> None:
        """Wait until these words came."""
        while words not in self._content:
            self._news.clear()
            await self._news.wait()

    def close(self) -> None:
        """Read no more."""
        asyncio.get_running_loop().remove_reader(self._terminal)


def command_of(pid: int) -> list[str]:
    """How to run the same program as this process of the client: its interpreter and its script; Unreachable."""
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            words = [os.fsdecode(word) for word in file.read(MAX_COMMAND).split(b"\0")]
    except OSError as error:
        raise Unreachable("the process is gone") from error
    script = next((word for word in words[1:] if word.startswith("/") and os.path.isfile(word)), None)
    if script is None:
        raise Unreachable("the process does not say which program it runs")
    return [f"/proc/{pid}/exe", script]


def prepare(home: Path) -> QwenRegistry:
    """A home in which the client asks nothing; what is registered there."""
    config = home / ".qwen"
    (config / "sessions").mkdir(mode=0o700, parents=True)
    (config / "settings.json").write_text(json.dumps(SETTINGS))
    return QwenRegistry(config)


@contextlib.asynccontextmanager
async def isolated_qwen(
    command: Sequence[str], home: Path, url: str, prompt: str
) -> AsyncIterator[tuple[asyncio.subprocess.Process, Screen]]:
    """The client at a terminal of its own, with a first prompt, in a home that is prepared; ended with the block."""
    environment = {
        "HOME": os.fspath(home),
        "TMPDIR": os.fspath(home),  # there its socket lies
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "TERM": "xterm-256color",
        "OPENAI_API_KEY": "none-needed-on-loopback",
        "OPENAI_BASE_URL": f"{url}/v1",
        "OPENAI_MODEL": "mock",
        "HTTPS_PROXY": "http://127.0.0.1:9",
        "NO_PROXY": "127.0.0.1",
    }
    ours, theirs = pty.openpty()
    try:
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("4H", ROWS, COLUMNS, 0, 0))
        os.set_blocking(ours, False)
        process = await asyncio.create_subprocess_exec(
            *command,
            *("--approval-mode", "default", "--prompt-interactive", prompt),
            cwd=home,
            env=environment,
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
        )
    except BaseException:
        os.close(ours)
        raise
    finally:
        os.close(theirs)
    screen = Screen(ours)
    try:
        yield process, screen
    finally:
        await _end(process)
        screen.close()
        os.close(ours)


async def tried(
    facts: Mapping[str, str], trial: Callable[[set[str]], Awaitable[None]], version: str, timeout: float
) -> SelfTest:
    """What a trial found, which adds each fact that held; never raises for what the client does."""
    held: set[str] = set()
    try:
        async with asyncio.timeout(timeout):
            await trial(held)
    except (TimeoutError, OSError, Unreachable, UnknownOutcome, SocketTaken, NotOurs):
        pass  # which fact was not reached says it all
    failed = tuple(fact for fact in facts if fact not in held)
    says = f"failed: {'; '.join(facts[fact] for fact in failed)}" if failed else "everything holds"
    return SelfTest(version, not failed, says, time.time(), failed)


async def registered(registry: QwenRegistry, process: asyncio.subprocess.Process) -> Session:
    """The session of a client that was just started, once it can be written to."""
    while process.returncode is None:
        for session in registry.find().sessions:
            if session.socket is not None:
                return session
        await asyncio.sleep(POLL)
    raise Unreachable("the client ended")


async def _end(process: asyncio.subprocess.Process) -> None:
    """All of its group; within seconds."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    ends = asyncio.create_task(process.wait())
    try:
        await asyncio.wait([ends], timeout=END_SECONDS)
    finally:
        if not ends.done():
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        await ends
