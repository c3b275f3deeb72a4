"""Builds the parts of a node. The only file that knows them all; `ties` passes on what happens in them, the engine
runs them."""

import asyncio
from collections.abc import Sequence
from functools import partial

from multifleet import __version__
from multifleet.channels.all import channels_of
from multifleet.channels.base import Channel
from multifleet.channels.connections import Connections
from multifleet.channels.ssh_connections import SshConnections
from multifleet.channels.tunnels import Tunnels
from multifleet.config import allowed_signers
from multifleet.core.budgets import Limits
from multifleet.core.documents import Signed
from multifleet.node.asking import Asking
from multifleet.node.authority.admission import Admission
from multifleet.node.authority.persons import Persons
from multifleet.node.authority.rules import Rules
from multifleet.node.authority.stops import Stops
from multifleet.node.clock import NodeClock
from multifleet.node.clock_doubts import ClockDoubts
from multifleet.node.config_state import ConfigState
from multifleet.node.counters import Counters
from multifleet.node.delivery.building import DeliveryParts
from multifleet.node.delivery.dropped import Dropped
from multifleet.node.delivery.leaving import Leaving
from multifleet.node.delivery.receiving import Receiving
from multifleet.node.delivery.sending import Sending
from multifleet.node.delivery.tracker import Tracker
from multifleet.node.diagnosis.straight import Straight
from multifleet.node.discovery.discovery import Discovery
from multifleet.node.events import Events
from multifleet.node.healing.building import Surroundings, build_healing
from multifleet.node.here import Waiting, in_the_clear, make_here
from multifleet.node.keys.key_notes import StoredKeyNotes
from multifleet.node.keys.rotation import Rotation
from multifleet.node.members import Members
from multifleet.node.messages import Messages
from multifleet.node.native.native import Native
from multifleet.node.native.told import seats_of, sessions_at
from multifleet.node.offering.offering import Offering
from multifleet.node.offering.own_cards import OwnCards
from multifleet.node.offering.remote_sessions import RemoteSessions
from multifleet.node.offering.seats import Seats
from multifleet.node.presence.facts import OwnFacts
from multifleet.node.presence.last_heard import LastHeard
from multifleet.node.presence.presence import NodePresence
from multifleet.node.presence.ways import Ways
from multifleet.node.relaying.relaying import Relaying
from multifleet.node.relaying.rounds import RelayRounds
from multifleet.node.roster.building import RosterParts
from multifleet.node.setup import Setup
from multifleet.node.sleep.sleep import Sleep
from multifleet.node.ties import Ties
from multifleet.node.tunnelling import Tunnelling
from multifleet.node.upkeep import Upkeep
from multifleet.node.waking import Waking
from multifleet.store.store import Store


class Parts(Ties):
    """One node's moving parts."""

    def __init__(
        self, setup: Setup, store: Store, clock: NodeClock, counters: Counters, channels: Sequence[Channel] | None
    ) -> None:
        self.setup = setup
        self.home = setup.home
        self.config = setup.config
        self.config_state = ConfigState(setup)
        self.store = store
        self.clock = clock
        self.counters = counters
        self.connections = Connections()
        self.ssh = SshConnections()
        self.tunnels = Tunnels(self.ssh)
        channels = self.channels = channels or channels_of(self.connections, self.ssh)
        self.port = setup.config.port
        self.binds = setup.config.bind
        self.listens = []
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
        self.ways = Ways(
            {name: entry.addresses for name, entry in setup.config.nodes.items()},
            self._best_address,
            lambda node: self.discovery.hints(node),
        )
        self.ways.start([(host, setup.config.port) for host in self.binds], setup.config.advertise)
        delivering = DeliveryParts.build(
            setup,
            self.members,
            store,
            clock,
            counters,
            self.tracker,
            channels,
            addresses=lambda member: (*self.tunnels.address_to(member.node), *self.ways.for_frames(member)),
            is_there=self._is_there,
            heard=self.heard,
            take=self._take,
            in_the_clear=in_the_clear,
        )
        self.exchange = delivering.exchange
        self.outboxes = delivering.outboxes
        self.hearing = delivering.hearing
        self.health_of_channels = delivering.health
        self.health_of_channels.changed = self._health_changed
        self.health_of_channels.healed = self._is_back
        self.targets = delivering.targets
        self.attempts = delivering.attempts
        self.delivery = delivering.delivery
        self.probing = delivering.probing
        self.endings = delivering.endings
        self.asking = Asking(
            self.members,
            self.targets,
            self.exchange,
            self.attempts,
            self.health_of_channels,
            clock,
            counters,
            self.heard,
            store.nonces,
            store.created_at,
            is_running=lambda: self._group is not None,
        )
        self.waking = Waking(self.members, self.targets, self.attempts, self.events, clock.monotonic, self.ssh.log_in)
        self.healing = build_healing(
            Surroundings(
                is_running=lambda: self._group is not None,
                is_there=self._is_there,
                presence_of=lambda node: self.presence.peer(node),
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
        self.of_channels = {}
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
            self.ways.proved,
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
        roster = RosterParts.build(
            setup,
            self.members,
            store,
            clock,
            counters,
            delivering,
            self.connections,
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
        self.stops = Stops(
            store.meta,
            clock,
            self.rostering,
            has=lambda seat: self.seats.has(seat),
            changed=self._stops_changed,
        )
        self.offering = Offering(
            setup,
            store,
            clock,
            counters,
            state_to=self.outboxes.state_to,
            sending=lambda: self.sending,
            out=lambda node: self.rostering.put_out(node),
            is_stopped=self.stops.covers,
        )
        self.seats: Seats = self.offering.seats
        self.own_cards = OwnCards(self.offering.live, clock, self.asking)
        self.remote_sessions = RemoteSessions(self.members, self.asking, clock, counters)
        self.persons = Persons(allowed_signers(setup.config, setup.home), lambda: self.members.fleet, clock.monotonic)
        limits = Limits(setup.config.budgets.hops, setup.config.budgets.thread, setup.config.budgets.day)
        governs, kept_back = self.offering.mates.governs, self.offering.kept_back
        self.admission = Admission(self.persons, limits, store.meta, clock, kept_back.why, governs)
        self.offering.live.forbids = self.admission.forbids
        kept_back.decided = lambda: (self.stops.words(), self.admission.rules)
        self.rules = Rules(self.admission, self.seats, self.members, lambda: self.membership.expected)
        self.sending = Sending(
            self.membership,
            store,
            clock,
            delivering.own_events,
            self.tracker,
            self.offering.live,
            self.endings,
            self.outboxes.of,
            self.offering.offers.answered,
            limits,
        )
        self.messages = Messages(self.members, store, clock, self.sending, self.tracker, self.events, self.persons)
        self.clock_doubts = ClockDoubts(self.members, clock, self.outboxes.ask_now)
        self.receiving = Receiving(
            self.members,
            self.exchange,
            self.hearing,
            store,
            clock,
            counters,
            addresses=self.offering.live,
            heard=self.heard,
            arrived=self._mail_came,
            roster=self.roster_exchange.answer,
            ask=self.asking.answer,
            state_to=self.outboxes.state_to,
            told_time=self.clock_doubts.told,
            admission=self.admission,
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
        self.tunnelling = Tunnelling(self.tunnels, self.targets, self.members, self.outboxes.try_now, store.meta)
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
            is_back=self._is_back,
            outside_window=self.clock_doubts.outside_window,
        )
        self.native = Native(
            setup,
            store,
            clock,
            counters,
            self.events,
            self.offering,
            fleet=lambda: self.members.fleet,
            nodes=lambda: seats_of(self.presence.peers(), self.remote_sessions.cards()),
            is_there=lambda node: node == self.id or self._is_there(node),
            ask=partial(sessions_at, self.asking),
        )
        self.presence.learn = lambda sender, said: self.rostering.learn([Signed(said.text, said.signature)], sender)
        self.presence.differs = self.roster_rounds.differs
        self.presence.facts_came = self.remote_sessions.facts_came
        self.rostering.spread = self._spread
        self.rostering.on_change = self._roster_changed
