"""Nodes in one process that hear and reach each other as a test says: real relays on real stores, real frames."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec

from multifleet.channels.base import Carry, ChannelError, Here, Parcel, Target
from multifleet.channels.relay import RelayChannel
from multifleet.config import Config
from multifleet.core import frame, packets
from multifleet.core.asks import Question
from multifleet.core.packets import Answer
from multifleet.node.relaying.relaying import Relaying
from multifleet.node.relaying.rounds import RelayRounds
from multifleet.store.store import Store
from tests.core.wire import NOW, identity, pair


class FleetNode:
    """One node: an end, and a relay."""

    def __init__(self, fleet: "Fleet", name: str) -> None:
        self.fleet = fleet
        self.name = name
        self.home = fleet.folder / name
        self.keys = identity(name)
        self.handlers: dict[type[Question], Callable[[str, Any], Any]] = {}
        self.loops: dict[str, Callable[[], Coroutine[Any, Any, None]]] = {}
        self.counts: list[tuple[str, dict[str, object]]] = []
        self.got: list[bytes] = []
        """Packets that came, each once."""
        self.came = asyncio.Event()
        self.status = 200
        """What it answers to frames."""
        self.channel = RelayChannel()
        self.relaying: Relaying
        self.rounds: RelayRounds
        self.store: Store
        self._stack = AsyncExitStack()
        self._tasks: list[asyncio.Task[None]] = []

    async def up(self) -> "FleetNode":
        """Start, or start again on the same store."""
        self.home.mkdir(exist_ok=True)
        self.store = Store.open(self.home, NOW)
        self._stack.push_async_callback(self.store.aclose)
        here = self.here()
        self.relaying = Relaying(self.store.relayed)
        await self.relaying.start(self._stack, here)
        await self.channel.start(self._stack, here)
        self.rounds = RelayRounds(self.relaying, self.store.relayed, here)
        here.spawn("relay", self.rounds.run)
        self._tasks = [asyncio.create_task(run(), name=name) for name, run in self.loops.items()]
        self.fleet.up.add(self.name)
        return self

    async def down(self) -> None:
        """Stop."""
        self.fleet.up.discard(self.name)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []
        await self._stack.aclose()
        self._stack = AsyncExitStack()

    def sealed(self, to: str, packet: bytes) -> bytes:
        """A frame to another node."""
        nonce = packet.ljust(16)[:16]
        return frame.seal(pair(self.keys, identity(to)), self.name, to, NOW, nonce, packet)

    async def sends(self, to: str, body: str, *, ids: tuple[str, ...] | None = None, expires: int = 0) -> Any:
        """What came of one frame over the channel."""
        parcel = Parcel(self.sealed(to, body.encode()), (body,) if ids is None else ids, expires=expires)
        return await self.channel.deliver(self.target(to), parcel)

    def target(self, name: str) -> Target:
        """Another node as this one sees it."""
        return next(target for target in self._targets() if target.node == name)

    async def has(self, *bodies: str) -> None:
        """Wait until exactly these have come."""
        async with asyncio.timeout(10):
            while sorted(self.got) != sorted(body.encode() for body in bodies):
                self.came.clear()
                await self.came.wait()

    def counted(self, name: str) -> int:
        """How often something was counted."""
        return [found for found, _ in self.counts].count(name)

    def here(self) -> Here:
        """This node as its channel sees it."""
        return Here(
            node=self.name,
            fleet=lambda: "f",
            home=self.home,
            config=Config(),
            receive=self._receive,
            waiting_for=_nothing,
            targets=self._targets,
            target=lambda node: next((target for target in self._targets() if target.node == node), None),
            met_at=lambda node: (),
            chief=lambda: self.fleet.chief,
            ask=self._ask,
            ask_over=self._ask_over,
            serve=lambda form, handler: self.handlers.update({form: handler}),  # type: ignore[dict-item]
            spawn=lambda name, run: self.loops.update({name: run}),  # type: ignore[dict-item]
            count=lambda name, **facts: self.counts.append((name, facts)),
            now=lambda: NOW + self.fleet.passed,
            monotonic=lambda: asyncio.get_running_loop().time() + self.fleet.passed,
            random=bytes,
        )

    def _targets(self) -> list[Target]:
        fleet = self.fleet
        heard = {name for name in fleet.up if (self.name, name) not in fleet.unheard}
        others = [name for name in fleet.nodes if name != self.name]
        return [Target(name, (f"{name}:8855",), key=name, is_there=name in heard) for name in others]

    async def _ask_over(self, node: str, question: msgspec.Struct, seconds: float, carry: Carry) -> msgspec.Struct:
        return await self._ask(node, question, seconds)

    async def _ask(self, node: str, question: msgspec.Struct, seconds: float) -> msgspec.Struct:
        assert isinstance(question, Question)
        fleet = self.fleet
        fleet.asked.append((self.name, node, type(question).word()))
        try:
            async with asyncio.timeout(seconds):
                if (self.name, node) in fleet.silent:
                    await asyncio.Event().wait()
                if (self.name, node) in fleet.cut or node not in fleet.up:
                    raise ChannelError(f"{node} refuses the connection")
                form = type(question)
                told = await fleet.nodes[node].handlers[form](self.name, packets.read(packets.write(question), form))
                return packets.read(packets.write(told), form.tells)
        except TimeoutError:
            raise ChannelError(f"no answer in {seconds:g} s", unknown=True) from None

    async def _receive(self, data: bytes, where: str, channel: str, at_rest: bool) -> tuple[int, bytes]:
        """As a node does it, in small: verified, once, and answered under its own keys."""
        assert (channel, at_rest) == ("relay", True)
        header = frame.read_header(data)
        keys = pair(identity(header.sender), self.keys)
        try:
            opened = frame.open_frame(data, self.name, lambda sender, kid: keys, None)
        except frame.FrameRefused:
            return 401, frame.STRANGER
        if self.status == 200 and opened.packet not in self.got:
            self.got.append(opened.packet)
            self.came.set()
        back = pair(self.keys, identity(header.sender))
        answer = packets.write(Answer(re=header.nonce, time=NOW, have=0, refusal="" if self.status == 200 else "busy"))
        return self.status, frame.seal(back, self.name, header.sender, NOW, bytes(16), answer)


class Fleet:
    """All nodes, and what is broken between them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.nodes: dict[str, FleetNode] = {}
        self.up: set[str] = set()
        self.chief: str | None = None
        self.cut: set[tuple[str, str]] = set()
        """(from, to): connections are refused."""
        self.silent: set[tuple[str, str]] = set()
        """(from, to): nothing is answered."""
        self.unheard: set[tuple[str, str]] = set()
        """(by, whom)."""
        self.asked: list[tuple[str, str, str]] = []
        self.passed = 0.0

    async def started(self, *names: str) -> list[FleetNode]:
        """New nodes; the first is the chief unless there is one."""
        self.chief = self.chief or names[0]
        made = [self.nodes.setdefault(name, FleetNode(self, name)) for name in names]
        return [await node.up() for node in made]

    def asks(self, word: str) -> int:
        """How often something was asked."""
        return [asked[2] for asked in self.asked].count(word)


async def _nothing(node: str) -> None:
    return None


@asynccontextmanager
async def fleet_in(folder: Path) -> AsyncIterator[Fleet]:
    """Nodes that are stopped at the end."""
    fleet = Fleet(folder)
    try:
        yield fleet
    finally:
        for node in fleet.nodes.values():
            await node.down()
