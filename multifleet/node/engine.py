"""Opens a node, runs its loops in one task group, and closes it."""

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from functools import partial
from typing import Self

from multifleet.channels.base import Channel
from multifleet.node import addresses
from multifleet.node.clock import Clocks, NodeClock
from multifleet.node.counters import Counters
from multifleet.node.delivery.outboxes import PeerOutbox
from multifleet.node.diagnosis.serving import Serving
from multifleet.node.enduring import Part, enduring
from multifleet.node.parts import Parts
from multifleet.node.roster.keeping import unless_left
from multifleet.node.setup import Setup
from multifleet.node.upkeep import REPLAY_CLOCK
from multifleet.store.store import Store


class Engine(Parts):
    """A node's parts at work. `open`, then `start` and `run`."""

    @classmethod
    async def open(
        cls,
        setup: Setup,
        *,
        clocks: Clocks | None = None,
        channels: Sequence[Channel] | None = None,
        counters: Counters | None = None,
    ) -> Self:
        """A node on its store; it does nothing yet but take frames and answer questions."""
        clocks = clocks or Clocks()
        store = Store.open(setup.home, clocks.wall())
        clock = NodeClock.start(clocks, float(await store.meta.get(REPLAY_CLOCK) or 0.0))
        setup = await unless_left(setup, store)
        node = cls(setup, store, clock, counters or Counters(clocks.monotonic), channels)
        Serving(node)
        await node._load()
        return node

    @property
    def is_running(self) -> bool:
        """Whether its loops run: before and after, it sends nothing."""
        return self._group is not None

    async def aclose(self) -> None:
        """Close the store; what waited for a commit is committed."""
        self.store.meta.set_later(REPLAY_CLOCK, repr(self.clock.now()))
        self.last_heard.keep_all()
        await self.rostering.keep_file()
        await self.store.aclose()

    async def start(self, stack: AsyncExitStack, listens: Sequence[tuple[str, int]]) -> None:
        """Open channels and ears; `listens` is where the HTTP side is bound."""
        self.listens = list(listens)
        if listens:
            self.port = listens[0][1]
            self.members.admit(self._self_row())
            await self.rostering.publish_card()
        for channel in self.channels:
            await channel.start(stack, self.here)
        if self.relaying.wanted(self.here):
            await self.relaying.start(stack, self.here)
        await self.tunnels.start(stack, self.here)
        await self.tunnelling.load()
        await self.presence.start(stack, listens, self.own_addresses())
        await self.offering.start(stack)
        await self.native.start(stack)

    async def run(self) -> None:
        """All loops, until `stopping` is set or this is cancelled; then nothing of them goes on."""
        loops = asyncio.create_task(self._loops(), name="loops")
        stop = asyncio.create_task(self.stopping.wait(), name="stop")
        try:
            await asyncio.wait([loops, stop], return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._group = None
            if self.stopping.is_set():
                self.presence.stopping()
            self.outboxes.stop()
            for task in (loops, stop):
                task.cancel()
            await asyncio.gather(loops, stop, return_exceptions=True)
        error = None if loops.cancelled() else loops.exception()
        if error is not None:
            raise error

    async def _loops(self) -> None:
        async with asyncio.TaskGroup() as group:
            self._group = group
            self.attempts.start(group)
            for name, run in self.of_channels.items():
                group.create_task(enduring(name, run, self.counters), name=name)
            self.outboxes.start(group)
            for peer in await self.store.inbox.peers_with_log():
                self.outboxes.state_to(peer)
            parts: dict[str, Part] = {
                "presence": self.presence.run,
                "facts": self.facts.run,
                "roster": self.roster_rounds.run,
                "expiry": self.endings.run,
                "sessions": self.remote_sessions.run,
                "offering": partial(self.offering.run, group),
                "drop": self.dropped.run,
                "relay": self.relay_rounds.run,
                "out": self.leaving.run,
                "probes": self.probing.run,
                "healing": self.healing.run,
                "clocks": self.upkeep.ask_now_and_then,
                "housekeeping": self.upkeep.keep_house,
                "keys": self.rotation.run,
            }
            parts |= self.native.parts
            if self.listens:
                parts["sleep"] = self.sleep.run
            if self.listens and not all(map(addresses.is_loopback, self.binds)):
                parts["discovery"] = self.discovery.run
            for name, found in self.membership.expected.items():
                parts[f"hello to {name}"] = partial(self.upkeep.greet, name, found)
            for name, run in parts.items():
                group.create_task(enduring(name, run, self.counters), name=name)

    async def frames(self, body: bytes, remote: str) -> tuple[int, bytes]:
        """A frame that came over HTTP."""
        return await self.receiving.take(body, remote, "http")

    async def join_request(self, body: bytes, remote: str) -> tuple[int, bytes]:
        """A machine that wants to be let in."""
        return await self.joining.take(body, remote)

    def outbox_of(self, node: str) -> PeerOutbox:
        """The loop that sends to a peer."""
        return self.outboxes.of(node)

    async def _load(self) -> None:
        await self.key_notes.load()
        setup = self.setup
        state = await self._keeping.load(
            setup.fleet, found=setup.fleet_found, me=self.rostering.key, node=setup.identity.node
        )
        await self.rostering.load(replace(state, anchors=self.roles.anew(state.anchors)))
        self.members.admit(self._self_row())
        await self.health_of_channels.load({"git": self.config.git.remote})
        await self.healing.load()
        await self.seats.load()
        await self.admission.load()
        await self.stops.load()
        await self.presence.load()
        self._roster_changed()
