"""One node of the demo: a home in a throwaway folder, its daemon, and the commands that a person would type there.

It is driven from outside, by the command line alone. Nothing of the user's fleet, keys or agents goes in: the
environment is made anew.
"""

import asyncio
import json
import os
import signal
import sys
from collections.abc import Callable, Coroutine, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import multifleet
from multifleet.demo.places import Place

PATIENCE = 30.0
"""Seconds for a command, and for a daemon to come up."""
STOP_PATIENCE = 5.0
"""Seconds that a daemon has to end before it is killed."""
INHERITED = ("PATH", "LD_LIBRARY_PATH", "LANG", "LC_ALL", "TMPDIR", "XDG_RUNTIME_DIR", "TZ")


class DemoFailed(Exception):
    """The demo cannot go on; the message is one line."""


class PortTaken(DemoFailed):
    """Another program has taken the port since it was found free."""


class FleetNode:
    """A node named `name` under `stage`, known to others by `place`; it listens at `inner`, if that is another one."""

    def __init__(self, stage: Path, name: str, place: Place, inner: Place | None = None) -> None:
        self.name = name
        self.place = place
        self.inner = inner or place
        self.settings: dict[str, Any] = {}
        """More that its configuration says."""
        self.folder = stage / name
        self.home = self.folder / "home"
        self.agent_config = self.folder / "user" / ".claude"
        self._daemon: asyncio.subprocess.Process | None = None

    @property
    def pid(self) -> int:
        """The daemon's process id."""
        assert self._daemon is not None
        return self._daemon.pid

    def prepare(self) -> None:
        """Say where it listens, and that its keys stay in its folder, whatever keyring this user has."""
        self.home.mkdir(mode=0o700, parents=True)
        told = {"keys": "file", "bind": [self.inner.host], "port": self.inner.port, "advertise": [str(self.place)]}
        config = self.home / "config.json"
        config.touch(mode=0o600)
        config.write_text(json.dumps(told | self.settings))

    async def init(self) -> None:
        """Make the node."""
        self.prepare()
        await self.run("init", "--node", self.name)

    async def start(self) -> None:
        """Start the daemon in the foreground of a process of ours; returns once it listens."""
        with (self.folder / "daemon.out").open("ab") as complaints:
            self._daemon = await asyncio.create_subprocess_exec(
                *program("up", "--foreground"),
                cwd=self.folder,
                env=self.environment(),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=complaints,
                start_new_session=True,
            )
        assert self._daemon.stdout is not None
        try:
            async with asyncio.timeout(PATIENCE):
                said = await self._daemon.stdout.readline()
        except TimeoutError:
            raise DemoFailed(f"{self.name} did not come up in {PATIENCE:g} s") from None
        if not said:
            words = (self.folder / "daemon.out").read_text().strip().rpartition("\n")[2]
            kind = PortTaken if "listens on port" in words else DemoFailed
            raise kind(f"{self.name} did not come up: {words.removeprefix('multifleet: ')}")

    async def kill(self) -> int:
        """SIGKILL for this daemon alone; its pid."""
        assert self._daemon is not None
        pid = self._daemon.pid
        _signal(self._daemon, signal.SIGKILL)
        await self._daemon.wait()
        self._daemon = None
        return pid

    async def stop(self) -> None:
        """End the daemon, if one runs."""
        daemon, self._daemon = self._daemon, None
        if daemon is None or daemon.returncode is not None:
            return
        _signal(daemon, signal.SIGTERM)
        ends = asyncio.create_task(daemon.wait())
        # Not asyncio.timeout: before Python 3.11.3 it does not tell of its time-out in a task that is being cancelled.
        await asyncio.wait([ends], timeout=STOP_PATIENCE)
        if not ends.done():
            _signal(daemon, signal.SIGKILL)
        await ends

    async def ask(self, *words: str) -> Any:
        """What a command with --json answers."""
        return json.loads(await self.run(*words, "--json"))

    async def run(self, *words: str) -> str:
        """What a command prints; DemoFailed with its own words where it fails."""
        lines: list[str] = []
        await self.follow(lines.append, *words)
        return "".join(lines)

    async def follow(self, tell: Callable[[str], None], *words: str) -> None:
        """Run a command and tell each of its lines at once; fails as `run` does."""
        process = await asyncio.create_subprocess_exec(
            *program(*words),
            cwd=self.folder,
            env=self.environment(),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            limit=16 * 1024 * 1024,
            start_new_session=True,
        )
        assert process.stdout is not None and process.stderr is not None
        try:
            async with asyncio.timeout(PATIENCE):
                complaint = asyncio.ensure_future(process.stderr.read())
                while line := await process.stdout.readline():
                    tell(line.decode())
                said = (await complaint).decode().strip()
                status = await process.wait()
        except TimeoutError:
            raise DemoFailed(f"`multifleet {words[0]}` on {self.name} did not end in {PATIENCE:g} s") from None
        finally:
            _signal(process, signal.SIGKILL)
            await process.wait()
        if status:
            last = said.rpartition("\n")[2] or f"`multifleet {words[0]}` ended with {status}"
            raise DemoFailed(f"on {self.name}: {last}")

    def environment(self) -> dict[str, str]:
        """All that the node's programs are given."""
        return inherited(os.environ) | {
            "HOME": str(self.agent_config.parent),
            "CLAUDE_CONFIG_DIR": str(self.agent_config),
            "MULTIFLEET_HOME": str(self.home),
            "PYTHONPATH": str(Path(multifleet.__file__).parent.parent),
        }


def inherited(environ: Mapping[str, str]) -> dict[str, str]:
    """What the demo takes over from its own environment: no keys, no settings, no agent's marks."""
    return {name: environ[name] for name in INHERITED if name in environ}


async def together(*acts: Coroutine[Any, Any, None]) -> None:
    """Run all at once; where one fails, the others end before its error is raised."""
    try:
        async with asyncio.TaskGroup() as group:
            for act in acts:
                group.create_task(act)
    except ExceptionGroup as failures:
        raise failures.exceptions[0] from None


def _signal(process: asyncio.subprocess.Process, number: signal.Signals) -> None:
    if process.returncode is None:
        with suppress(ProcessLookupError):
            os.kill(process.pid, number)  # Popen's own way reaps the process, and asyncio misses its end


def program(*words: str) -> list[str]:
    """This very program, whatever is on the path."""
    isolated = ["-I"] if sys.flags.isolated else []
    return [sys.executable, *isolated, "-m", "multifleet", *words]
