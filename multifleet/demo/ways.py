"""The ways between two nodes of the demo, and how each of them goes dark and comes back."""

import asyncio
import os
import shutil
import signal
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from multifleet.demo.fleet_node import DemoFailed, FleetNode
from multifleet.demo.ssh_server import SshServer
from multifleet.demo.wires import Wires


class Way(Protocol):
    """One fault as it happens to people."""

    @property
    def channels(self) -> Sequence[str]:
        """What is dark by it."""
        ...

    @property
    def done(self) -> str:
        """What was done, in words."""
        ...

    async def cut(self) -> None:
        """Make it dark."""

    async def mend(self) -> None:
        """Undo that."""


class HttpPort:
    """The recipient's port takes no connection."""

    channels = ("http",)

    def __init__(self, wires: Wires, node: FleetNode) -> None:
        self._wires = wires
        self._node = node
        self.done = f"the HTTP port of {node.name} is blocked"

    async def cut(self) -> None:
        await self._wires.cut(self._node.name)

    async def mend(self) -> None:
        await self._wires.mend(self._node.name)


class NatsServer:
    """The chief's NATS server is stopped, and says nothing more; its daemon may well start another."""

    channels = ("nats",)
    done = "the NATS server hangs"

    def __init__(self, chief: FleetNode) -> None:
        self._chief = chief
        self._pid = 0

    async def cut(self) -> None:
        self._pid = await _child_named(self._chief.pid, "nats-server")
        if self._pid:
            os.kill(self._pid, signal.SIGSTOP)

    async def mend(self) -> None:
        with suppress(ProcessLookupError):
            if self._pid:
                os.kill(self._pid, signal.SIGCONT)


class TheChief:
    """The chief's daemon, which has the NATS server and passes on what others cannot bring."""

    channels = ("nats", "relay")

    def __init__(self, chief: FleetNode) -> None:
        self._chief = chief
        self.done = f"{chief.name}, the chief, is killed"

    async def cut(self) -> None:
        await self._chief.kill()

    async def mend(self) -> None:
        await self._chief.start()


class SshPort:
    """No SSH to the recipient."""

    channels = ("seed", "ssh")

    def __init__(self, server: SshServer, node: FleetNode) -> None:
        self._server = server
        self.done = f"SSH on {node.name} is off"

    async def cut(self) -> None:
        await self._server.cut()

    async def mend(self) -> None:
        await self._server.mend()


class GitRemote:
    """A bare repository in the demo's folder."""

    channels = ("git",)
    done = "the git remote is gone"

    def __init__(self, path: Path) -> None:
        self.path = path

    async def make(self) -> None:
        """An empty one; DemoFailed without git."""
        words = ("git", "init", "--quiet", "--bare", str(self.path))
        process = await asyncio.create_subprocess_exec(*words, stderr=asyncio.subprocess.PIPE)
        _, said = await process.communicate()
        if process.returncode:
            raise DemoFailed(f"git: {said.decode().strip().rpartition(chr(10))[2]}")

    async def cut(self) -> None:
        self.path.rename(self.path.with_suffix(".away"))

    async def mend(self) -> None:
        self.path.with_suffix(".away").rename(self.path)


def has_git() -> bool:
    """Whether this machine has the program."""
    return shutil.which("git") is not None


async def _child_named(pid: int, name: str) -> int:
    """The process of this name that a process has started; 0 where there is none."""
    process = await asyncio.create_subprocess_exec(
        "ps", "-ax", "-o", "pid=,ppid=,comm=", stdout=asyncio.subprocess.PIPE
    )
    output, _ = await process.communicate()
    for line in output.decode(errors="replace").splitlines():
        child, parent, program = line.split(None, 2)
        if int(parent) == pid and Path(program).name.startswith(name):
            return int(child)
    return 0
