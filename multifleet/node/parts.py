"""Builds the parts of a node and ties them together. The only file that knows them all; the engine runs them."""

import asyncio
from collections.abc import Sequence

from multifleet import __version__
from multifleet.channels.all import channels_of
from multifleet.channels.base import Channel
from multifleet.channels.connections import Connections
from multifleet.channels.http import HttpChannel
from multifleet.channels.ssh_connections import SshConnections
from multifleet.channels.tunnels import Tunnels
from multifleet.core.channel_state import ChannelState
from multifleet.core.documents import Signed
from multifleet.core.frame import read_header
from multifleet.core.presence.gossip import DOCUMENT_LIMIT, Document
from multifleet.core.routing import ChannelName
from multifleet.node import addresses
from multifleet.node.asking import Asking
from multifleet.node.clock import NodeClock
from multifleet.node.counters import Counters
from multifleet.node.delivery.attempts import Attempts
from multifleet.node.delivery.delivery import Delivery
from multifleet.node.delivery.dropped import Dropped
from multifleet.node.delivery.endings import Endings
from multifleet.node.delivery.exchange import Exchange
from multifleet.node.delivery.health import Health
from multifleet.node.delivery.hearing import Hearing
from multifleet.node.delivery.leaving import Leaving
from multifleet.node.delivery.own_events import OwnEvents
from multifleet.node.delivery.peer_outboxes import PeerOutboxes
from multifleet.node.delivery.probing import Probing
from multifleet.node.delivery.receiving import Receiving
from multifleet.node.delivery.sending import Sending
from multifleet.node.delivery.targets import Targets, own_routes
from multifleet.node.delivery.tracker import Tracker
from multifleet.node.diagnosis.straight import Straight
from multifleet.node.discovery.discovery import Discovery
from multifleet.node.enduring import Part, enduring
from multifleet.node.events import INBOX, Events
from multifleet.node.healing.building import Surroundings, build_healing
from multifleet.node.here import Waiting, in_the_clear, make_here
from multifleet.node.keys.key_notes import StoredKeyNotes
from multifleet.node.keys.rotation import Rotation
from multifleet.node.members import Member, Members
from multifleet.node.messages import Messages
from multifleet.node.offering.offering import Offering
from multifleet.node.offering.seats import Seats
from multifleet.node.picture import choose_chief
from multifleet.node.presence.facts import OwnFacts
from multifleet.node.presence.last_heard import LastHeard
from multifleet.node.presence.presence import NodePresence
from multifleet.node.presence.ways import Ways
from multifleet.node.randomness import Randomness
from multifleet.node.relaying.relaying import Relaying
from multifleet.node.relaying.rounds import RelayRounds
from multifleet.node.roster.building import RosterParts, SendingParts
from multifleet.node.roster.rows import own_row
from multifleet.node.setup import Setup
from multifleet.node.sleep.sleep import Sleep
from multifleet.node.tunnelling import Tunnelling
from multifleet.node.upkeep import Upkeep
from multifleet.node.waking import Waking
from multifleet.store.rows import PeerRow
from multifleet.store.store import Store

ROSTER = "roster"
"""The subject of the events that say that the roster has changed."""
SILENCE = 6.0
"""Seconds after which a peer whose frames come again counts as being back."""


class Parts:
    """One node's moving parts."""

    def __init__(
        self, setup: Setup, store: Store, clock: NodeClock, counters: Counters, channels: Sequence[Channel] | None
    ) -> None:
        self.setup = setup
        self.home = setup.home
        self.config = setup.config
        self.store = store
        self.clock = clock
        self.counters = counters
        self.connections = Connections()
        self.ssh = SshConnections()
        self.tunnels = Tunnels(self.ssh)
        channels = self.channels = channels or channels_of(self.connections, self.ssh)
        self.port = setup.config.port
        self.binds: Sequence[str] = setup.config.bind
        self.listens: list[tuple[str, int]] = []
        self.started_at = clock.now()
        self.began = clock.monotonic()
        self.straight = Straight(clock.monotonic)
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
        self.outboxes = PeerOutboxes(self.members, store, clock, counters, own_routes(setup.config))
        self.hearing = Hearing(setup.identity.node, store, counters, self.tracker, self.outboxes.ended, self._arrived)
        self.health_of_channels = Health(store, clock)
        self.health_of_channels.changed = self._health_changed
        self.ways = Ways(
            {name: entry.addresses for name, entry in setup.config.nodes.items()},
            self._best_address,
            lambda node: self.discovery.hints(node),
        )
        self.ways.start([(host, setup.config.port) for host in self.binds], setup.config.advertise)
        self.targets = Targets(
            {channel.name: channel for channel in channels},
            setup.config,
            self.members,
            lambda member: (*self.tunnels.address_to(member.node), *self.ways.for_frames(member)),
            self._is_there,
        )
        self.random = Randomness()
        self.attempts = Attempts(
            self.targets,
            self.exchange,
            self.hearing,
            self.health_of_channels,
            store,
            clock,
            counters,
            self.heard,
            take=self._take,
            in_the_clear=in_the_clear,
        )
        self.delivery = Delivery(self.attempts, self.targets, self.members, self.health_of_channels, clock)
        self.probing = Probing(self.targets, self.attempts, self.health_of_channels, clock)
        self.asking = Asking(
            self.members,
            self.targets,
            self.exchange,
            self.attempts,
            self.health_of_channels,
            clock,
            counters,
            self.heard,
        )
        self.waking = Waking(self.members, self.targets, self.attempts, self.events, clock.monotonic, self.ssh.log_in)
        self.healing = build_healing(
            Surroundings(
                is_running=lambda: self._group is not None,
                is_there=self._is_there,
                state_of=lambda node: self.presence.peer(node).state,
                addresses=lambda: self.own_addresses() if self.listens else [],
                announce=self._announce,
                chief=self.chief,
                learned=self.ways.told,
            ),
            self.targets,
            self.health_of_channels,
            self.attempts,
            self.asking,
            self.ssh,
            store,
            clock,
            counters,
            self.events,
        )
        self._group: asyncio.TaskGroup | None = None
        self.of_channels: dict[str, Part] = {}
        """Loops that channels have asked for, by name."""
        self.waiting = Waiting(self.members, self.exchange, store)
        self.here = make_here(
            setup,
            clock,
            counters,
            self.targets,
            self.asking,
            self.waiting,
            self._take,
            self.chief,
            self._spawn,
        )
        self.relaying = Relaying(store.relayed)
        self.relay_rounds = RelayRounds(self.relaying, store.relayed, self.here)
        self.last_heard = LastHeard(store, clock)
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
        self.endings = Endings(
            store,
            clock,
            own_events,
            self.tracker,
            is_unknown=self.outboxes.is_unknown,
            drop=self.outboxes.drop,
        )
        self.outboxes.delivery, self.outboxes.endings = self.delivery, self.endings
        roster = RosterParts.build(
            setup,
            self.members,
            store,
            clock,
            counters,
            SendingParts(
                self.exchange,
                self.attempts,
                self.targets,
                self.connections,
                self.hearing,
                self.endings,
                self.outboxes,
            ),
            own_addresses=self.own_addresses,
            heard=self.heard,
            is_there=self._is_there,
            turn_away=self._turn_away,
        )
        self._keeping = roster.keeping
        self.rostering = roster.rostering
        self.roles = roster.roles
        self.roster_exchange = roster.exchange
        self.roster_rounds = roster.rounds
        self.membership = roster.membership
        self.captaincy = roster.captaincy
        self.joining = roster.joining
        self.offering = Offering(
            setup,
            store,
            clock,
            counters,
            state_to=self.outboxes.state_to,
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
            self.outboxes.of,
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
            arrived=self._mail_came,
            roster=self.roster_exchange.answer,
            ask=self.asking.answer,
            state_to=self.outboxes.state_to,
            is_behind=lambda: self.rostering.may_be_behind,
        )
        self.upkeep = Upkeep(
            self.membership,
            self.joining,
            store,
            clock,
            counters,
            self.outboxes.of,
            self.last_heard.keep_all,
            self._is_there,
        )
        self.leaving = Leaving(
            setup.home,
            waiting_for=self.waiting.frame_for,
            members=self.members.others,
            is_there=self._is_there,
            revision=lambda: self.events.revision,
            monotonic=clock.monotonic,
            counters=counters,
        )
        self.tunnelling = Tunnelling(self.tunnels, self.targets, self.members.need, self.outboxes.try_now)
        self.dropped = Dropped(setup.home, self.receiving, counters, self._visited)
        self.facts = OwnFacts(setup.home, __version__, self.offering.live)
        self.presence = NodePresence(
            self.members,
            store,
            clock,
            counters,
            self.events,
            self.ways,
            period=setup.config.heartbeatSeconds,
            facts=self.facts.told,
            heard=self._noted,
            try_http=self.outboxes.try_now,
            is_back=self.outboxes.is_back,
        )
        self.presence.learn = lambda sender, said: self.rostering.learn([Signed(said.text, said.signature)], sender)
        self.presence.differs = self.roster_rounds.differs
        self.rostering.spread = self._spread
        self.rostering.on_change = self._roster_changed

    @property
    def id(self) -> str:
        """This node's id."""
        return self.setup.identity.node

    def _mail_came(self) -> None:
        self.offering.wake()
        self.events.happened(INBOX)

    def heard(self, member: Member, remote: str) -> None:
        """A frame came from a peer just now."""
        before = member.heard_at
        self._noted(member, remote)
        if before is None or self.clock.monotonic() - before >= SILENCE:
            self.outboxes.is_back(member.node)
        self.presence.heard(member.node)

    def _arrived(self, node: str, message_id: str, channel: str, at: float) -> None:
        self.outboxes.arrived(node, message_id)
        self.health_of_channels.arrived(node, channel, at)

    async def _take(self, frame: bytes, where: str, channel: str, at_rest: bool) -> tuple[int, bytes]:
        """A frame that a channel brought; where it came from is no address of its sender's, so it is heard there only
        over HTTP."""
        status, answer = await self.receiving.take(frame, "", channel, at_rest=at_rest)
        if at_rest and status == 200:
            header = read_header(frame)
            sender = self.members.need(header.sender)
            if channel == ChannelName.SEED:
                # It was left where this node alone looks, by a daemon that has seen it come.
                self.health_of_channels.arrived(sender.node, channel, header.sent - (sender.offset or 0.0))
        return status, answer

    async def _visited(self, node: str) -> None:
        """A peer has left frames in drop/: it is told what became of them, by whatever way there is."""
        self.outboxes.state_to(node)
        await self.leaving.visited(node)

    def _spawn(self, name: str, run: Part) -> None:
        self.of_channels[name] = run
        if self._group is not None:
            self._group.create_task(enduring(name, run, self.counters), name=name)

    def chief(self) -> str | None:
        """The present chief; None where there is none."""
        return choose_chief(self.rostering.view, self.presence.peers(), self.id, self.roles.chief)[0]

    def _health_changed(self, node: str, channel: str, before: ChannelState, after: ChannelState) -> None:
        if after is ChannelState.HEALTHY and before is not ChannelState.UNTRIED:
            self.outboxes.is_back(node)
        self.healing.changed(node, channel, after)

    def _announce(self) -> str:
        """Own addresses are looked at anew, and told."""
        self._addresses_changed()
        self.discovery.mdns.renew()
        return f"its addresses are told anew: {', '.join(self.own_addresses()) or 'none'}"

    def _noted(self, member: Member, remote: str) -> None:
        self.last_heard.note(member, remote)
        self.straight.note(member.node, remote)

    def _is_there(self, node: str) -> bool:
        return self.presence.is_there(node)

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
        self.outboxes.all_back()

    def _addresses_of(self, node: str) -> Sequence[str] | None:
        """Of another member; None where it is none."""
        member = self.members.get(node) if node != self.id else None
        return None if member is None else member.addresses

    async def _card_changed(self) -> None:
        self.members.admit(self._self_row())
        await self.rostering.publish_card()

    def _self_row(self) -> PeerRow:
        own = self.own_addresses() if self.listens else []
        near = [f"127.0.0.1:{self.port}"] if any(host in addresses.ANY for host in self.binds) else []
        return own_row(self.members.identity, own, near, self.started_at)

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

    async def _turn_away(self, node: str, reason: str) -> int:
        return await self.offering.turn_away(node, reason)

    def _best_address(self, node: str) -> str | None:
        for channel in self.channels:
            if isinstance(channel, HttpChannel):
                return channel.best(node)
        return None
