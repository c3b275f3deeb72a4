"""Whole nodes behind their real HTTP door on free ports of 127.0.0.1."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

from multifleet.api.server import Server
from multifleet.core.receipts import State
from multifleet.node.node import Node
from multifleet.node.setup import init, make_home
from multifleet.operations import OPERATIONS
from tests.node.fleet import SOON, Time
from tests.ports import free_port


class Daemon:
    """One home, and the node that is served from it."""

    def __init__(self, home: Path, name: str, config: dict[str, Any]) -> None:
        self.home = home
        self.name = name
        self.time = Time()
        self.node: Node
        self.port = 0
        self._stack = AsyncExitStack()
        self._run: asyncio.Task[None] | None = None
        self.configure(**config)

    def configure(self, **config: Any) -> None:
        """Write the configuration; a running node keeps the old one."""
        make_home(self.home)
        base = {
            "bind": ["127.0.0.1"],
            "port": self.port,
            "keys": "file",
            "claudeConfigDir": str(self.home / "claude"),
            "codexHome": str(self.home / "codex"),
            "qwenHome": str(self.home / "qwen"),
            "heartbeatSeconds": 0.2,
        }
        (self.home / "config.json").write_text(json.dumps(base | config))

    async def up(self) -> Node:
        """Serve."""
        setup, _ = init(self.home, self.name)
        self.port = self.port or free_port()  # no other worker takes it while this one is down
        self.node = await Node.open(setup, clocks=self.time.clocks())
        self._stack.push_async_callback(self.node.aclose)
        server = Server(
            operations=OPERATIONS,
            node=self.node,
            peer=_Peers(self),
            port=self.port,
            binds=["127.0.0.1"],
            socket=self.home / "socket",
            token=self.home / "token",
            counters=self.node.counters,
        )
        await server.start(self._stack)
        self.port = server.addresses[0][1]
        await self.node.start(self._stack, server.addresses)
        self._run = asyncio.create_task(self.node.run(), name=f"node {self.name}")
        return self.node

    async def down(self) -> None:
        """Stop serving."""
        if self._run is not None:
            self.node.stopping.set()
            await self._run
            self._run = None
        await self._stack.aclose()
        self._stack = AsyncExitStack()

    async def vanish(self) -> None:
        """Be gone without a word, as after a power cut."""
        if self._run is not None:
            self._run.cancel()
            await asyncio.wait([self._run])
            self._run = None
        await self.down()

    async def delivers(self, to: str, body: str = "hello") -> None:
        """Send a message and wait until the other side has it."""
        sent = await self.node.messages.send(to, body)
        story = await self.node.messages.wait(sent.id, State.STORED, SOON)
        assert story.reached, story

    @property
    def address(self) -> str:
        """host:port."""
        return f"127.0.0.1:{self.port}"


class _Peers:
    def __init__(self, daemon: Daemon) -> None:
        self._daemon = daemon

    async def frames(self, body: bytes, remote: str) -> tuple[int, bytes]:
        return await self._daemon.node.frames(body, remote)

    async def join(self, body: bytes, remote: str) -> tuple[int, bytes]:
        return await self._daemon.node.join_request(body, remote)


class Daemons:
    """Daemons by name."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.all: list[Daemon] = []

    def new(self, name: str, home: str | None = None, **config: Any) -> Daemon:
        """A home; not served yet."""
        self.all.append(Daemon(self.folder / (home or name), name, config))
        return self.all[-1]

    async def up(self, *names: str) -> list[Daemon]:
        """New homes, served."""
        daemons = [self.new(name) for name in names]
        for daemon in daemons:
            await daemon.up()
        return daemons


@asynccontextmanager
async def daemons_in(folder: Path) -> AsyncIterator[Daemons]:
    """Daemons that are stopped at the end."""
    daemons = Daemons(folder)
    try:
        yield daemons
    finally:
        for daemon in daemons.all:
            await daemon.down()
