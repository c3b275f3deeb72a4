"""Whole nodes in one process, on real stores, joined by a network in memory that tests break and mend."""

import asyncio
import shutil
import sqlite3
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, closing, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from multifleet.channels.base import Channel, ChannelError
from multifleet.channels.memory import MemoryChannel, Network
from multifleet.config import Config
from multifleet.core.keys import Identity
from multifleet.core.receipts import State
from multifleet.core.routing import CHANNELS
from multifleet.node.clock import Clocks
from multifleet.node.node import Node
from multifleet.node.roster.fleet_file import Fleet
from multifleet.node.setup import Setup, make_home
from multifleet.operations.views import TraceView
from multifleet.store.rows import InboxRow, PeerRow
from tests.core.wire import FLEET, identity

SOON = 60.0
"""Seconds after which a test gives up waiting."""
SEEDS = "seeds"
"""The folder of a home that hooks use too."""


@dataclass
class Time:
    """The clocks of one machine: real ones, shifted at will."""

    wall_shift: float = 0.0
    monotonic_shift: float = 0.0

    def clocks(self) -> Clocks:
        """For a node."""
        return Clocks(lambda: time.time() + self.wall_shift, lambda: time.monotonic() + self.monotonic_shift)

    def pass_(self, seconds: float) -> None:
        """Let time pass on both clocks."""
        self.wall_shift += seconds
        self.monotonic_shift += seconds


class Machine:
    """One machine with its home; its node is started, stopped and started again."""

    def __init__(self, home: Path, name: str, network: Network, shared_key: bytes | None = None) -> None:
        self.name = name
        self.home = home
        self.network = network
        self.time = Time()
        self.more_channels: list[Channel] = []
        """Beside the network in memory."""
        self.identity = identity(name)
        self.pinned: list[PeerRow] = []
        self.shared_key = shared_key
        self.config = Config(
            claudeConfigDir=str(home / "claude"),
            codexHome=str(home / "codex"),
            qwenHome=str(home / "qwen"),
            bind=("127.0.0.1",),
            port=0,
            heartbeatSeconds=60.0,
            keys="file",
        )
        self.node: Node
        self._stack = AsyncExitStack()
        self._run: asyncio.Task[None] | None = None
        self._lives = 0
        make_home(home)

    async def open(self) -> Node:
        """A node that takes frames and does nothing by itself."""
        setup = Setup(self.home, self.config, self.identity, Fleet(FLEET), self.shared_key)
        channels = [MemoryChannel(self.network), *self.more_channels]
        self.node = await Node.open(setup, clocks=self.time.clocks(), channels=channels)
        self._stack.push_async_callback(self.node.aclose)
        for row in self.pinned:
            await self.node.membership.admit(row)
        self.network.nodes[self.name] = self._receive
        return self.node

    async def start(self) -> Node:
        """A node with all its loops."""
        await self.open()
        await self.run()
        return self.node

    async def run(self) -> None:
        """Start the loops of a node that was opened."""
        await self.node.start(self._stack, [])
        self._run = asyncio.create_task(self.node.run(), name=f"node {self.name}")

    async def stop(self) -> None:
        """As `down` does it."""
        self.network.nodes.pop(self.name, None)
        if self._run is not None:
            self.node.stopping.set()
            await self._run
            self._run = None
        await self._close()

    async def kill(self) -> None:
        """It ends as by SIGKILL: what it wrote to its home is there, and nothing that it did not write is ever told."""
        kept = self.home.with_name(f"{self.name} kept")
        with _no_commit(self.home / "store.db"):
            _copy(self.home, kept)
            self._lives += 1
            self.network.nodes.pop(self.name, None)
            await self._end_loops()
        await self._close()
        for path in self.home.iterdir():
            if path.name != SEEDS:
                shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
        for path in kept.iterdir():
            path.rename(self.home / path.name)
        kept.rmdir()

    async def crash(self) -> None:
        """Everything under way is dropped where it is, and what waited for a commit is committed."""
        self.network.nodes.pop(self.name, None)
        await self._end_loops()
        await self._close()

    async def _end_loops(self) -> None:
        if self._run is not None:
            self._run.cancel()
            await asyncio.wait([self._run])
            self._run = None

    async def _close(self) -> None:
        await self._stack.aclose()
        self._stack = AsyncExitStack()

    async def restart(self) -> Node:
        """Stop and start."""
        await self.stop()
        return await self.start()

    async def received(self) -> list[InboxRow]:
        """All messages here, oldest first."""
        return list(reversed(await self.node.store.inbox.listing(100_000)))

    async def bodies(self) -> list[str]:
        """Of all messages here, sorted."""
        return sorted(row.body for row in await self.received())

    async def wait(self, id: str, state: State, timeout: float = SOON) -> TraceView:
        """The story of a sent message, once the state is reached; fails the test if it is not in time."""
        story = await self.node.messages.wait(id, state, timeout)
        assert story.reached, f"{id} is {story.state} ({story.reason}), not {state}"
        return story

    async def lets_expire(self, to: str, seconds: float = 60.0) -> None:
        """So much time passes once the peer was not reached, and nothing is tried before that is told."""
        outbox = self.node.outbox_of(to)
        await until(lambda: outbox.failing and not outbox._in_flight)
        self.time.pass_(seconds)
        outbox._retry_at = self.node.clock.monotonic() + 3_600.0
        self.node.endings._sooner.set()

    async def _receive(self, frame: bytes) -> bytes:
        life = self._lives
        _, answer = await self.node.receiving.take(frame, "memory", "memory")
        if life != self._lives:
            raise ChannelError(f"{self.name} ended before it answered", unknown=True)
        return answer


@contextmanager
def _no_commit(store: Path) -> Iterator[None]:
    """Nothing becomes durable meanwhile, and so nobody is told that it did."""
    with closing(sqlite3.connect(store, timeout=SOON, isolation_level=None)) as holder:
        holder.execute("BEGIN IMMEDIATE")
        yield


def _copy(home: Path, kept: Path) -> None:
    """The home as it is at one moment: a thread of the daemon may write a file aside and rename it meanwhile."""
    while True:
        try:
            shutil.copytree(home, kept, ignore=_not_kept)
            return
        except shutil.Error as error:
            changed = [Path(source) for source, _, _ in error.args[0]]
            if any(path.exists() for path in changed):
                raise
            shutil.rmtree(kept)


def _not_kept(folder: str, names: list[str]) -> list[str]:
    """Sockets end with their process; seeds are not the daemon's alone: a hook may take one at any moment."""
    return [name for name in names if name == SEEDS or Path(folder, name).is_socket()]


@dataclass
class Machines:
    """Machines that have pinned each other."""

    folder: Path
    network: Network = field(default_factory=Network)
    all: dict[str, Machine] = field(default_factory=dict)

    def add(self, *names: str) -> list[Machine]:
        """New machines, known to all others and they to them; not started."""
        for name in names:
            self.all[name] = Machine(self.folder / name, name, self.network)
        for machine in self.all.values():
            machine.pinned = [pinned(other.identity) for other in self.all.values() if other is not machine]
        return [self.all[name] for name in names]

    async def started(self, *names: str) -> list[Machine]:
        """New machines with running nodes."""
        machines = self.add(*names)
        for machine in machines:
            await machine.start()
        return machines


def pinned(identity: Identity, addresses: tuple[str, ...] = ()) -> PeerRow:
    """The row of a member."""
    return PeerRow(
        node=identity.node,
        ed25519=identity.public,
        x25519=identity.exchange_public,
        card=b"{}",
        signature=bytes(64),
        addresses=addresses,
        added_at=0.0,
        via="join",
    )


@asynccontextmanager
async def machines_in(folder: Path) -> AsyncIterator[Machines]:
    """Machines that are stopped at the end."""
    machines = Machines(folder)
    try:
        yield machines
    finally:
        for machine in machines.all.values():
            await machine.crash()


def hurry(monkeypatch: pytest.MonkeyPatch, timeout: float = 0.2) -> None:
    """Attempts give up sooner than in life, so that silence costs a test little."""
    monkeypatch.setitem(CHANNELS, "memory", replace(CHANNELS["memory"], timeout=timeout))  # type: ignore[arg-type]


async def until(condition: Callable[[], object], timeout: float = SOON) -> None:
    """Wait until something is so that nobody announces."""
    async with asyncio.timeout(timeout):
        while not condition():  # noqa: ASYNC110  no event tells it
            await asyncio.sleep(0.005)
