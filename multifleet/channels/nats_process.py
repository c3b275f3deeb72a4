"""One run of the nats-server program: started, told to read its configuration again, stopped.

It never outlives the daemon, however that ends: Linux kills it with its parent; elsewhere a watcher in its process
group reads a pipe that the daemon holds, and kills the group when the pipe closes.
"""

import asyncio
import os
import re
import signal
import sys
from collections import deque
from pathlib import Path

from multifleet.paths import program_on

START_SECONDS = 8.0
STOP_SECONDS = 2.0
RELOAD_SECONDS = 2.0

_TIED = """
import ctypes, os, sys
ctypes.CDLL(None).prctl(1, 9, 0, 0, 0)  # PR_SET_PDEATHSIG, SIGKILL
if os.getppid() != int(sys.argv[1]):
    sys.exit("the daemon has ended")
os.umask(0o077)
os.execv(sys.argv[2], sys.argv[2:])
"""
_WATCHED = """
umask 077
exec 3<&0 </dev/null
{ cat <&3; kill -KILL 0; } >/dev/null 2>&1 &
exec 3<&-
exec "$@"
"""
_LISTENS = re.compile(rb"Listening for client connections on \S+:(\d+)$")
_MEMORY = "96MiB"
"""What the server's own collector tries to stay below."""


def tied(command: tuple[str, ...], platform: str = sys.platform) -> tuple[str, ...]:
    """The command, such that it ends with this process; stdin must be a pipe that this process holds."""
    if platform == "linux":
        return (sys.executable, "-I", "-S", "-c", _TIED, str(os.getpid()), *command)
    return ("/bin/sh", "-c", _WATCHED, "multifleet-nats", *command)


class NotStarted(Exception):
    """The server does not run; the message says why."""


def program() -> str | None:
    """The nats-server of this environment, else of the path; None where there is none."""
    near = program_on(os.path.dirname(sys.executable), "nats-server")
    if near is not None:
        return near
    import sysconfig  # seldom needed, and not small

    return program_on(sysconfig.get_path("scripts"), "nats-server") or program_on(None, "nats-server")


class NatsProcess:
    """A server that runs; `start` makes one."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.port = 0
        self._process = process
        self._last: deque[str] = deque(maxlen=3)
        self._ready = asyncio.Event()
        self._reloaded = asyncio.Event()
        self._reader = asyncio.create_task(self._read(), name="nats-server log")

    @classmethod
    async def start(cls, program: str, config: Path) -> "NatsProcess":
        """Start it and wait until it takes connections; NotStarted where it does not."""
        environment = {"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "HOME": str(config.parent)}
        try:
            process = await asyncio.create_subprocess_exec(
                *tied((program, "-c", str(config))),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.PIPE,
                env=environment | {"GOMEMLIMIT": _MEMORY},
                cwd=config.parent,
                start_new_session=True,
            )
        except OSError as error:
            raise NotStarted(f"{program} cannot be started ({error.strerror})") from None
        made = cls(process)
        try:
            async with asyncio.timeout(START_SECONDS):
                await made._ready.wait()
            if made.port:
                return made
        except TimeoutError:
            pass
        except BaseException:
            made.kill()
            raise
        await made.stop()
        raise NotStarted("; ".join(made._last) or "nats-server said nothing and did not start")

    @property
    def pid(self) -> int:
        """Its process id, which is that of its group."""
        return self._process.pid

    @property
    def runs(self) -> bool:
        """Whether it has not ended."""
        return self._process.returncode is None

    async def ended(self) -> str:
        """Wait until it has ended; its last words."""
        await self._process.wait()
        return "; ".join(self._last)

    async def reload(self) -> bool:
        """Have it read its configuration again; whether it said so."""
        self._reloaded.clear()
        try:
            self._process.send_signal(signal.SIGHUP)
            async with asyncio.timeout(RELOAD_SECONDS):
                await self._reloaded.wait()
        except (ProcessLookupError, TimeoutError):
            return False
        return True

    async def stop(self) -> None:
        """End it; what it was given is on disk at any moment, so that none of it is lost by any end."""
        try:
            if self.runs:
                self._process.terminate()
                async with asyncio.timeout(STOP_SECONDS):
                    await self._process.wait()
        except (ProcessLookupError, TimeoutError):
            pass
        finally:
            self.kill()
        await asyncio.gather(self._reader, return_exceptions=True)
        await self._process.wait()

    def kill(self) -> None:
        """End the whole group at once, the watcher with it."""
        try:
            os.killpg(self._process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        if self._process.stdin is not None:
            self._process.stdin.close()

    async def _read(self) -> None:
        """Its log: only what it says of its start and its faults is of use, and three lines of that are kept."""
        stream = self._process.stderr
        assert stream is not None
        try:
            while line := await self._line(stream):
                if found := _LISTENS.search(line):
                    self.port = int(found[1])
                elif line.endswith(b"Server is ready"):
                    self._ready.set()
                elif b"Reloaded server configuration" in line:
                    self._reloaded.set()
                elif b"[FTL]" in line or b"[ERR]" in line or b"nats-server: " in line:
                    self._last.append(line.split(b"] ", 2)[-1].decode(errors="replace")[:200])
        finally:
            self._ready.set()

    @staticmethod
    async def _line(stream: asyncio.StreamReader) -> bytes:
        """The next line without its end; empty only at the end."""
        while True:
            try:
                line = await stream.readuntil()
            except asyncio.IncompleteReadError as error:
                return error.partial.rstrip()
            except asyncio.LimitOverrunError as error:
                await stream.readexactly(error.consumed)
                continue
            if stripped := line.rstrip():
                return stripped
