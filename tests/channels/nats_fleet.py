"""Nodes of one fleet with a NATS channel each, in one process; their servers are real."""

import asyncio
import re
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from multifleet.channels.base import ChannelError, Parcel, Target
from multifleet.channels.nats import NatsChannel
from multifleet.config import Config
from tests.channels.here import here

IDS = ("0" * 32,)
TICK = 0.05


@dataclass
class Fleet:
    """Who is in it, who is the chief, and what has been cut."""

    folder: Path
    id: str = "f" * 32
    chief: str | None = "mac1"
    nodes: dict[str, "Node"] = field(default_factory=dict)
    members: list[str] = field(default_factory=list)
    silent: set[str] = field(default_factory=set)
    """Nodes that cannot be asked."""

    @asynccontextmanager
    async def node(self, name: str, **config: Any) -> AsyncIterator["Node"]:
        """A node whose channel is started, and ended with the block."""
        home = self.folder / name
        home.mkdir(mode=0o700, exist_ok=True)
        node = self.nodes[name] = Node(self, name, home, Config(**{"bind": ("127.0.0.1",), "natsPort": 0} | config))
        if name not in self.members:
            self.members.append(name)
        async with AsyncExitStack() as stack:
            await node.channel.start(stack, node.here())
            try:
                async with asyncio.TaskGroup() as group:
                    tasks = [group.create_task(run(), name=what) for what, run in node.runs.items()]
                    yield node
                    for task in tasks:
                        task.cancel()
            finally:
                self.nodes.pop(name, None)


@dataclass
class Node:
    """One machine."""

    fleet: Fleet
    name: str
    home: Path
    config: Config
    status: int = 200
    got: list[tuple[bytes, bool]] = field(default_factory=list)
    """(frame, whether it lay at rest)."""
    counted: Counter[str] = field(default_factory=Counter)
    served: dict[type, Callable[[str, Any], Awaitable[msgspec.Struct]]] = field(default_factory=dict)
    runs: dict[str, Callable[[], Awaitable[None]]] = field(default_factory=dict)
    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    answers: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.channel = NatsChannel(tick=TICK)
        self.answers.set()

    def here(self) -> Any:
        """This node as its channel sees it."""
        return here(
            self.home,
            node=self.name,
            fleet=lambda: self.fleet.id,
            config=self.config,
            receive=self._receive,
            targets=lambda: [self.fleet_target(name) for name in self.fleet.members if name != self.name],
            chief=lambda: self.fleet.chief,
            ask=self._ask,
            serve=self.served.__setitem__,
            spawn=self.runs.__setitem__,
            count=self._count,
        )

    def fleet_target(self, name: str, *, is_there: bool = False) -> Target:
        """A peer."""
        return Target(name, ("127.0.0.1:8855",), key=name.encode().hex() * 8, is_there=is_there)

    async def connected(self, *, queue: bool = True) -> None:
        """Wait until it is connected, with its queue."""
        async with asyncio.timeout(30):
            while self.channel._wire is None or (queue and self.channel._queue is None):  # noqa: ASYNC110
                await asyncio.sleep(0.01)

    async def has(self, count: int) -> None:
        """Wait for so many different frames."""
        async with asyncio.timeout(40):
            while len({frame for frame, _ in self.got}) < count:
                self.arrived.clear()
                await self.arrived.wait()

    async def times(self, count: int) -> None:
        """Wait until frames have come so many times."""
        async with asyncio.timeout(40):
            while len(self.got) < count:
                self.arrived.clear()
                await self.arrived.wait()

    async def send(self, to: str, frame: bytes, ids: tuple[str, ...] = IDS, *, is_there: bool = False) -> Any:
        """One delivery."""
        return await self.channel.deliver(self.fleet_target(to, is_there=is_there), Parcel(frame, ids))

    async def _receive(self, frame: bytes, where: str, channel: str, at_rest: bool) -> tuple[int, bytes]:
        await self.answers.wait()
        self.got.append((frame, at_rest))
        self.arrived.set()
        return self.status, b"mf1 answer of " + self.name.encode() + b" to " + frame

    async def _ask(self, peer: str, question: msgspec.Struct, seconds: float) -> msgspec.Struct:
        asked = self.fleet.nodes.get(peer)
        if asked is None or peer in self.fleet.silent:
            raise ChannelError(f"{peer} does not answer")
        return await asked.served[type(question)](self.name, question)

    def _count(self, name: str, **facts: object) -> None:
        assert not any(re.search("[A-Za-z0-9_-]{40}", str(fact)) for fact in facts.values()), "a secret in a log line"
        self.counted[name] += 1
