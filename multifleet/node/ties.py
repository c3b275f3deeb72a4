"""What happens in one part of a node and is told to the others. It builds no part and runs none."""

import asyncio
from collections.abc import Sequence

from multifleet.channels.base import Channel
from multifleet.channels.http import HttpChannel
from multifleet.config import Config
from multifleet.core.channel_state import ChannelState
from multifleet.core.documents import Signed
from multifleet.core.frame import read_header
from multifleet.core.presence.gossip import DOCUMENT_LIMIT, Document
from multifleet.core.routing import ChannelName
from multifleet.node import addresses
from multifleet.node.authority.stops import Stops
from multifleet.node.clock import NodeClock
from multifleet.node.counters import Counters
from multifleet.node.delivery.health import Health
from multifleet.node.delivery.leaving import Leaving
from multifleet.node.delivery.peer_outboxes import PeerOutboxes
from multifleet.node.delivery.receiving import Receiving
from multifleet.node.diagnosis.straight import Straight
from multifleet.node.discovery.discovery import Discovery
from multifleet.node.enduring import Part, enduring
from multifleet.node.events import INBOX, Events
from multifleet.node.healing.healing import Healing
from multifleet.node.members import Member, Members
from multifleet.node.offering.offering import Offering
from multifleet.node.offering.remote_sessions import RemoteSessions
from multifleet.node.picture import choose_chief
from multifleet.node.presence.last_heard import LastHeard
from multifleet.node.presence.presence import NodePresence
from multifleet.node.relaying.rounds import RelayRounds
from multifleet.node.roster.roles import Roles
from multifleet.node.roster.rostering import Rostering
from multifleet.node.roster.rounds import RosterRounds
from multifleet.node.roster.rows import own_row
from multifleet.node.tunnelling import Tunnelling
from multifleet.store.rows import PeerRow

ROSTER = "roster"
"""The subject of the events that say that the roster has changed."""
STOPPED = "stopped"
"""The subject of the events that say that something was stopped here, or goes on."""
SILENCE = 6.0
"""Seconds after which a peer whose frames come again counts as being back."""


class Ties:
    """Of one node; its parts are built by whoever inherits this."""

    config: Config
    clock: NodeClock
    counters: Counters
    channels: Sequence[Channel]
    port: int
    binds: Sequence[str]
    listens: list[tuple[str, int]]
    started_at: float
    straight: Straight
    events: Events
    members: Members
    outboxes: PeerOutboxes
    health_of_channels: Health
    healing: Healing
    last_heard: LastHeard
    discovery: Discovery
    roles: Roles
    rostering: Rostering
    roster_rounds: RosterRounds
    relay_rounds: RelayRounds
    offering: Offering
    stops: Stops
    remote_sessions: RemoteSessions
    receiving: Receiving
    leaving: Leaving
    presence: NodePresence
    tunnelling: Tunnelling
    of_channels: dict[str, Part]
    """Loops that channels have asked for, by name."""
    _group: asyncio.TaskGroup | None = None

    @property
    def id(self) -> str:
        """This node's id."""
        return self.members.identity.node

    def _mail_came(self) -> None:
        self.offering.wake()
        self.events.happened(INBOX)

    def heard(self, member: Member, remote: str) -> None:
        """A frame came from a peer just now."""
        before = member.heard_at
        self._noted(member, remote)
        if before is None or self.clock.monotonic() - before >= SILENCE:
            self._is_back(member.node)
        self.presence.heard(member.node)

    async def _take(self, frame: bytes, where: str, channel: str, at_rest: bool) -> tuple[int, bytes]:
        """A frame that a channel brought; where it came from is no address of its sender's, so it is heard there only
        over HTTP."""
        status, answer = await self.receiving.take(frame, "", channel, at_rest=at_rest)
        if at_rest and status == 200:
            header = read_header(frame)
            sender = self.members.get(header.sender)  # its last word may have been that it leaves
            if sender is not None and channel == ChannelName.SEED:
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
        self.healing.changed(node, channel, after)

    def _is_back(self, node: str) -> None:
        """A peer, or a way to it: what failed before says nothing about now."""
        self.roster_rounds.is_back(node)
        self.relay_rounds.is_back(node)
        self.outboxes.is_back(node)

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
        self.tunnelling.members_changed()
        self.remote_sessions.members_changed()
        self.offering.wake()
        self.events.happened(ROSTER)

    async def _stops_changed(self) -> None:
        await self.offering.take_back_stopped()
        self.events.happened(STOPPED)

    async def _turn_away(self, node: str, reason: str) -> int:
        return await self.offering.turn_away(node, reason)

    def _best_address(self, node: str) -> str | None:
        for channel in self.channels:
            if isinstance(channel, HttpChannel):
                return channel.best(node)
        return None
