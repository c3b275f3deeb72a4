"""Builds the parts of a node and runs them in one task group. The only file that knows them all."""

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from functools import partial
from typing import Self

from multifleet import __version__
from multifleet.channels.base import Channel
from multifleet.channels.http import HttpChannel
from multifleet.core.backoff import Backoff
from multifleet.core.card import sign_card
from multifleet.core.documents import Signed
from multifleet.core.presence.gossip import DOCUMENT_LIMIT, Document
from multifleet.core.receipts import State
from multifleet.node import addresses
from multifleet.node.clock import Clocks, NodeClock
from multifleet.node.counters import Counters
from multifleet.node.delivery.delivery import Delivery
from multifleet.node.delivery.dropped import Dropped
from multifleet.node.delivery.endings import Endings
from multifleet.node.delivery.exchange import Exchange
from multifleet.node.delivery.health import Health
from multifleet.node.delivery.hearing import Hearing
from multifleet.node.delivery.outboxes import PeerOutbox
from multifleet.node.delivery.own_events import OwnEvents
from multifleet.node.delivery.receiving import Receiving
from multifleet.node.delivery.sending import Sending
from multifleet.node.delivery.tracker import Tracker
from multifleet.node.discovery.discovery import Discovery
from multifleet.node.enduring import Part, enduring
from multifleet.node.events import Events
from multifleet.node.keys.key_notes import StoredKeyNotes
from multifleet.node.keys.rotation import Rotation
from multifleet.node.members import Member, Members
from multifleet.node.messages import Messages
from multifleet.node.offering.offering import Offering
from multifleet.node.offering.seats import Seats
from multifleet.node.presence.facts import OwnFacts
from multifleet.node.presence.presence import NodePresence
from multifleet.node.presence.ways import Ways
from multifleet.node.roster.captaincy import Captaincy
from multifleet.node.roster.exchange import RosterExchange
from multifleet.node.roster.joining import Joining
from multifleet.node.roster.keeping import Keeping
from multifleet.node.roster.membership import Membership
from multifleet.node.roster.parting import Parting
from multifleet.node.roster.roles import Roles
from multifleet.node.roster.rostering import Rostering
from multifleet.node.roster.rounds import RosterRounds
from multifleet.node.setup import Setup
from multifleet.node.sleep.sleep import Sleep
from multifleet.node.upkeep import REPLAY_CLOCK, Upkeep
from multifleet.store.rows import PeerRow
from multifleet.store.store import Store

ROSTER = "roster"
"""The subject of the events that say that the roster has changed."""
SILENCE = 6.0
"""Seconds after which a peer whose frames come again counts as being back."""


class Engine:
    """One node's moving parts. `open`, then `start` and `run`."""

    def __init__(
        self, setup: Setup, store: Store, clock: NodeClock, counters: Counters, channels: Sequence[Channel]
    ) -> None:
        self.setup = setup
        self.home = setup.home
        self.config = setup.config
        self.store = store
        self.clock = clock
        self.counters = counters
        self.channels = channels
        self.port = setup.config.port
        self.binds: Sequence[str] = setup.config.bind
        self.listens: list[tuple[str, int]] = []
        self.started_at = clock.now()
        self.stopping = asyncio.Event()
        self.events = Events()
        self.tracker = Tracker(self.events)
        self.key_notes = StoredKeyNotes(setup.identity, store, clock.now)
        self.members = Members(setup.identity, setup.fleet.fleet, self.key_notes)
        self.rotation = Rotation(
            setup.home,
            self.members,
            self.key_notes,
            clock,
            counters,
            renew_days=setup.config.keyRenewalDays,
            publish=self._card_changed,
        )
        self.exchange = Exchange(
            setup.identity.node, clock, store.receipts.durable_have, proved=self.members.proved
        )
        self.hearing = Hearing(setup.identity.node, store, counters, self.tracker, self._ended)
        self.health_of_channels = Health(store, clock)
        self.delivery = Delivery(
            channels,
            self.members,
            self.exchange,
            self.hearing,
            self.health_of_channels,
            store,
            clock,
            counters,
            self.heard,
            self._is_there,
        )
        self._outboxes: dict[str, PeerOutbox] = {}
        self._heard: dict[str, Member] = {}
        self._outbox_tasks: dict[str, asyncio.Task[None]] = {}
        self._group: asyncio.TaskGroup | None = None
        configured = setup.config.nodes.items()
        self.discovery = Discovery(
            setup.identity.node,
            fleet=lambda: self.members.fleet,
            own_addresses=self.own_addresses,
            addresses_of=self._addresses_of,
            addresses_changed=self._addresses_changed,
            configured={name: entry.addresses for name, entry in configured if name != setup.identity.node},
            counters=counters,
            monotonic=clock.monotonic,
            mdns=setup.config.mdns,
            tailscale=setup.config.tailscale,
        )
        self.sleep = Sleep(self._sleeping, self._woke, counters)
        own_events = OwnEvents(self.members, clock)
        self.endings = Endings(store, clock, own_events, self.tracker, is_unknown=self._is_unknown, drop=self._drop)
        self._keeping = Keeping(setup.home, store, counters)
        self.parting = Parting(
            self.members,
            store,
            clock,
            counters,
            self.endings,
            entered=self._entered,
            stop_sending=self._stop_sending,
            turn_away=self._turn_away,
            renamed=self._renamed,
        )
        self.rostering = Rostering(
            self._keeping, self.members, clock, counters, self.own_addresses, self.parting
        )
        self.roles = Roles(setup.config)
        self.roster_exchange = RosterExchange(
            self.rostering, self.members, self.exchange, self.delivery, channels, clock, counters, self.heard
        )
        self.roster_rounds = RosterRounds(
            self.rostering, self.roster_exchange, self.members, clock, counters, self._keep_file, self._is_there
        )
        self.membership = Membership(
            self.members,
            self.rostering,
            self.roles,
            shared_key=setup.shared_key,
            expected={
                name: entry.addresses for name, entry in setup.config.nodes.items() if name != setup.identity.node
            }
            if setup.shared_key
            else {},
            own_addresses=self.own_addresses,
        )
        self.captaincy = Captaincy(
            self.members, self.membership, self.rostering, self.parting, self.roster_exchange
        )
        self.joining = Joining(self.membership, store, clock, counters)
        self.offering = Offering(
            setup,
            store,
            clock,
            counters,
            state_to=self._state_to,
            sending=lambda: self.sending,
            out=lambda node: self.rostering.put_out(node),
        )
        self.seats: Seats = self.offering.seats
        self.sending = Sending(
            self.membership,
            store,
            clock,
            own_events,
            self.tracker,
            self.seats,
            self.endings,
            self.outbox_of,
            self.offering.offers.answered,
        )
        self.messages = Messages(self.members, store, clock, self.sending, self.tracker, self.events)
        self.receiving = Receiving(
            self.members,
            self.exchange,
            self.hearing,
            store,
            clock,
            counters,
            seats=self.seats,
            heard=self.heard,
            arrived=self.offering.wake,
            roster=self.roster_exchange.answer,
        )
        self.upkeep = Upkeep(
            self.membership,
            self.joining,
            self.health_of_channels,
            store,
            clock,
            counters,
            self.outbox_of,
            self._keep_all_heard,
            self._is_there,
        )
        self.dropped = Dropped(setup.home, self.receiving, counters)
        self.facts = OwnFacts(setup.home, __version__, self.offering.live)
        self.presence = NodePresence(
            self.members,
            store,
            clock,
            counters,
            self.events,
            Ways(
                {name: entry.addresses for name, entry in setup.config.nodes.items()},
                self._best_address,
                self.discovery.hints,
            ),
            period=setup.config.heartbeatSeconds,
            facts=self.facts.told,
            heard=self._note,
            try_http=self._try_http,
            is_back=self._is_back,
        )
        self.presence.learn = lambda sender, said: self.rostering.learn([Signed(said.text, said.signature)], sender)
        self.presence.differs = self.roster_rounds.differs
        self.rostering.spread = self._spread
        self.rostering.on_change = self._roster_changed

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
        node = cls(setup, store, clock, counters or Counters(clocks.monotonic), channels or [HttpChannel()])
        await node._load()
        return node

    @property
    def id(self) -> str:
        """This node's id."""
        return self.setup.identity.node

    @property
    def is_running(self) -> bool:
        """Whether its loops run: before and after, it sends nothing."""
        return self._group is not None

    async def aclose(self) -> None:
        """Close the store; what waited for a commit is committed."""
        self.store.meta.set_later(REPLAY_CLOCK, repr(self.clock.now()))
        self._keep_all_heard()
        self._keep_file()
        await self.store.aclose()

    async def start(self, stack: AsyncExitStack, listens: Sequence[tuple[str, int]]) -> None:
        """Open channels and ears; `listens` is where the HTTP side is bound."""
        self.listens = list(listens)
        if listens:
            self.port = listens[0][1]
            self.members.admit(self._self_row())
            await self.rostering.publish_card()
        for channel in self.channels:
            await channel.start(stack)
        await self.presence.start(stack, listens, self.own_addresses())
        await self.offering.start(stack)

    async def run(self) -> None:
        """All loops, until `stopping` is set or this is cancelled; then nothing of them goes on."""
        loops = asyncio.create_task(self._loops(), name="loops")
        stop = asyncio.create_task(self.stopping.wait(), name="stop")
        try:
            await asyncio.wait([loops, stop], return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._group = None
            for task in (loops, stop):
                task.cancel()
            await asyncio.gather(loops, stop, return_exceptions=True)
        error = None if loops.cancelled() else loops.exception()
        if error is not None:
            raise error

    async def _loops(self) -> None:
        async with asyncio.TaskGroup() as group:
            self._group = group
            self.delivery.start(group)
            for member in list(self.members):
                self._run_outbox(member.node)
            for peer in await self.store.inbox.peers_with_log():
                self._state_to(peer)
            parts: dict[str, Part] = {
                "presence": self.presence.run,
                "facts": self.facts.run,
                "roster": self.roster_rounds.run,
                "expiry": self.endings.run,
                "offering": partial(self.offering.run, group),
                "drop": self.dropped.run,
                "probes": self.upkeep.probe,
                "housekeeping": self.upkeep.keep_house,
                "keys": self.rotation.run,
            }
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

    def heard(self, member: Member, remote: str) -> None:
        """A frame came from a peer just now."""
        before = member.heard_at
        self._note(member, remote)
        if before is None or self.clock.monotonic() - before >= SILENCE:
            self._is_back(member.node)
        self.presence.heard(member.node)

    def _note(self, member: Member, remote: str) -> None:
        """Something authentic came from a peer just now, by whatever way."""
        is_first = member.heard_wall is None
        member.heard_at, member.heard_wall = self.clock.monotonic(), self.clock.now()
        member.heard_from = remote or None
        if is_first:
            self._keep_heard(member)
        else:
            self._heard[member.node] = member  # a commit for each would be most of what an idle node does

    def _keep_heard(self, member: Member) -> None:
        self.store.peers.heard_later(member.node, member.heard_wall or 0.0, member.heard_from)

    def _keep_all_heard(self) -> None:
        while self._heard:
            self._keep_heard(self._heard.popitem()[1])

    def _is_back(self, node: str) -> None:
        """A peer is there again, or its daemon was started anew: what failed before says nothing about now."""
        outbox = self._outboxes.get(node)
        if outbox is not None and outbox.failing:
            outbox.heard_again()

    def _is_there(self, node: str) -> bool:
        return self.presence.is_there(node)

    def _try_http(self, node: str) -> None:
        outbox = self.outbox_of(node)
        outbox.probe()
        outbox.heard_again()

    def outbox_of(self, node: str) -> PeerOutbox:
        """The loop that sends to a peer."""
        outbox = self._outboxes.get(node)
        if outbox is None:
            member = self.members.get(node)
            row = member.row if member else None
            backoff = Backoff(row.attempt, row.delay, row.elapsed) if row else Backoff()
            outbox = PeerOutbox(node, backoff, self.delivery, self.store, self.clock, self.counters, self._give_up)
            self._outboxes[node] = outbox
            self._run_outbox(node)
        return outbox

    def own_addresses(self) -> list[str]:
        """Where other machines may reach this one."""
        return addresses.own_addresses(self.binds, self.port, self.config.advertise, self.discovery.tailnet)

    def _addresses_changed(self) -> None:
        self.presence.addresses_changed(self.own_addresses())
        if self._group is not None:
            self._group.create_task(enduring("own card", self._card_changed, self.counters), name="own card")

    async def _sleeping(self) -> None:
        """The machine is about to sleep, and waits for this: the datagrams are out when it returns."""
        self.presence.sleeping()

    def _woke(self, slept: float) -> None:
        """The machine has slept: what failed before says nothing about now, and the network may be another."""
        self.presence.woke(slept)
        self.discovery.mdns.renew()
        for outbox in self._outboxes.values():
            if outbox.failing:
                outbox.heard_again()

    def _addresses_of(self, node: str) -> Sequence[str] | None:
        """Of another member; None where it is none."""
        member = self.members.get(node) if node != self.id else None
        return None if member is None else member.addresses

    async def _card_changed(self) -> None:
        self.members.admit(self._self_row())
        await self.rostering.publish_card()

    async def _load(self) -> None:
        await self.key_notes.load()
        setup = self.setup
        state = await self._keeping.load(
            setup.fleet, found=setup.fleet_found, me=self.rostering.key, node=setup.identity.node
        )
        await self.rostering.load(replace(state, anchors=self.roles.anew(state.anchors)))
        self.members.admit(self._self_row())
        await self.health_of_channels.load()
        await self.seats.load()
        await self.presence.load()
        self._roster_changed()

    def _self_row(self) -> PeerRow:
        own = [address for address in self.own_addresses()] if self.listens else []
        near = [f"127.0.0.1:{self.port}"] if any(host in addresses.ANY for host in self.binds) else []
        signed = sign_card(self.members.identity, own, int(self.started_at * 1000), "")
        return PeerRow(
            node=self.id,
            ed25519=self.setup.identity.public,
            x25519=self.members.identity.exchange_public,
            card=signed.card.encode(),
            signature=bytes.fromhex(signed.signature),
            addresses=tuple([*near, *own]),
            added_at=self.started_at,
            via="self",
        )

    def _spread(self, document: Signed) -> None:
        """What is too long for a datagram is pushed over HTTP alone."""
        if len(document.text) <= DOCUMENT_LIMIT:
            self.presence.spread(Document(text=document.text, signature=document.signature))

    def _roster_changed(self) -> None:
        self.presence.members_changed()
        self.presence.set_digest(self.rostering.digest())
        self.discovery.fleet_changed()
        self.offering.wake()
        self.events.happened(ROSTER)

    def _entered(self, member: Member) -> None:
        self._run_outbox(member.node)
        self.outbox_of(member.node).heard_again()

    async def _stop_sending(self, node: str) -> None:
        """End the loop of a peer, unless another machine has its name by now."""
        if self.members.get(node) is not None:
            return
        self._outboxes.pop(node, None)
        task = self._outbox_tasks.pop(node, None)
        if task is not None:
            task.cancel()
            await asyncio.wait([task])

    async def _turn_away(self, node: str, reason: str) -> int:
        return await self.offering.turn_away(node, reason)

    def _renamed(self, node: str) -> None:
        self.store.receipts.forget(node)
        self.hearing.forget(node)

    def _keep_file(self) -> None:
        if self._keeping.file_is_old:
            self._keeping.write_file(self.rostering.roster, self.rostering.rows, must=False)

    def _run_outbox(self, node: str) -> None:
        outbox = self.outbox_of(node)
        if self._group is not None and node not in self._outbox_tasks:
            name = f"outbox of {node}"
            self._outbox_tasks[node] = self._group.create_task(enduring(name, outbox.run, self.counters), name=name)

    def _state_to(self, peer: str) -> None:
        if self.members.get(peer) is not None:
            self.outbox_of(peer).state()

    async def _give_up(self, peer: str, messages: Sequence[tuple[str, str]]) -> None:
        await self.endings.give_up(messages, peer, State.UNDELIVERABLE)

    def _is_unknown(self, peer: str, message_id: str) -> bool:
        outbox = self._outboxes.get(peer)
        return outbox is None or outbox.is_unknown(message_id)

    def _drop(self, peer: str, message_id: str) -> None:
        outbox = self._outboxes.get(peer)
        if outbox is not None:
            outbox.drop(message_id)

    def _ended(self, peer: str, message_id: str) -> None:
        outbox = self._outboxes.get(peer)
        if outbox is not None:
            outbox.ended(message_id)

    def _best_address(self, node: str) -> str | None:
        for channel in self.channels:
            if isinstance(channel, HttpChannel):
                return channel.best(node)
        return None
