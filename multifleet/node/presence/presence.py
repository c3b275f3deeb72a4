"""Carries out what core.presence decides: sends and hears its datagrams, keeps its timers, and tells what came of it.

Who is there is decided there and nowhere else; this module knows addresses, sockets, the store and the clock.
"""

import asyncio
import random
from collections.abc import Callable, Iterable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass

from multifleet.config import join_address
from multifleet.core import packets
from multifleet.core.frame import Opened
from multifleet.core.keys import PairKeys, signed_by
from multifleet.core.packets import BadPacket
from multifleet.core.presence import effects
from multifleet.core.presence.effects import Effect
from multifleet.core.presence.engine import Presence
from multifleet.core.presence.gossip import Document, Facts, Gossip
from multifleet.core.presence.peer import PeerPresence
from multifleet.core.presence.states import PresenceState
from multifleet.core.strict import NotStrict
from multifleet.node.clock import NodeClock
from multifleet.node.counters import Counters
from multifleet.node.events import Events
from multifleet.node.members import Member, Members
from multifleet.node.presence.datagrams import Datagrams, Source
from multifleet.node.presence.ways import Ways
from multifleet.store.rows import PeerRow
from multifleet.store.store import Store

INCARNATION = "incarnation"
"""The key of this node's own incarnation in the store."""
PRESENCE = "presence"
"""The subject of the events that say that some peer's state changed."""
CALM = 0.5
"""Seconds in which more word of a living peer over other channels is no news."""


@dataclass(frozen=True, slots=True)
class Heard:
    """One authentic packet."""

    gossip: Gossip
    source: Source
    keys: PairKeys
    """Under which an answer can be opened."""


class NodePresence:
    """One for the node. `load`, then `start` and `run`."""

    def __init__(
        self,
        members: Members,
        store: Store,
        clock: NodeClock,
        counters: Counters,
        events: Events,
        ways: Ways,
        *,
        period: float,
        facts: Callable[[], Facts | None],
        heard: Callable[[Member, str], None],
        try_http: Callable[[str], None],
        is_back: Callable[[str], None],
        outside_window: Callable[[str], None],
    ) -> None:
        self._members = members
        self._store = store
        self._clock = clock
        self._counters = counters
        self._events = events
        self._ways = ways
        self._period = period
        self._facts = facts
        self._heard = heard
        self._try_http = try_http
        self._is_back = is_back
        self.learn: Callable[[str, Document], None] = lambda sender, document: None
        """Told of each roster document that a member (the first argument) passed on; nothing of it is checked."""
        self.differs: Callable[[str], None] = lambda name: None
        """Told of each member whose roster is another one than this node's."""
        self.facts_came: Callable[[str, Facts], None] = lambda name, facts: None
        """Told of each member's facts when they come."""
        self.datagrams = Datagrams(members, clock, counters, self._take, outside_window)
        self._core = self._made(0)
        self._fleet = members.fleet
        self._calm_until: dict[str, float] = {}
        self._due = 0.0
        self._listens: list[Source] = []
        self._sooner = asyncio.Event()

    async def load(self) -> None:
        """Take up what was known when the daemon last ran, under an incarnation that is higher than all before."""
        known = int(await self._store.meta.get(INCARNATION) or 0)
        self._core = self._made(max(known + 1, int(self._clock.wall() * 1_000)))
        self.members_changed()
        for member in self._members.others():
            self._restore(member.row)

    async def start(self, stack: AsyncExitStack, listens: Sequence[Source], addresses: Sequence[str]) -> None:
        """Listen where the HTTP side does; `addresses` are those by which others know this node."""
        self._store.meta.set_later(INCARNATION, str(self._core.incarnation))
        self._listens = list(listens)
        self.addresses_changed(addresses)
        await self.datagrams.start(stack, listens)

    def addresses_changed(self, addresses: Sequence[str]) -> None:
        """This machine has other addresses than before."""
        self._ways.start(self._listens, addresses)

    async def run(self) -> None:
        """Until cancelled. A node without a socket judges nobody: it could not hear that it is wrong."""
        if not self.datagrams.addresses:
            await asyncio.Event().wait()
        while True:
            self._sooner.clear()
            self._due = self._core.next_due()
            await self._until(self._due)
            if self._clock.monotonic() >= self._due:
                self.tick()

    def tick(self) -> None:
        """Do what is due. What has come already is heard first: it may have waited for this process to go on."""
        self.datagrams.read_now()
        if self._calm_until:
            self._core.facts = self._facts()
        self._carry_out(self._core.tick(self._clock.monotonic()))

    def members_changed(self) -> None:
        """Somebody was let in, or is out."""
        if self._fleet != self._members.fleet:
            # Only a node without other members moves to another fleet: there is nothing to be kept.
            self._fleet = self._members.fleet
            digest, self._core = self._core.digest, self._made(self._core.incarnation + 1)
            self._core.digest = digest
        names = {member.node for member in self._members.others()}
        for name in self._calm_until.keys() - names:
            self._ways.forget(name)
            del self._calm_until[name]
        for name in names - self._calm_until.keys():
            self._calm_until[name] = 0.0
        self._carry_out(self._core.set_members(names, self._clock.monotonic()))

    def heard(self, name: str) -> None:
        """Something authentic came from a peer over another channel; called for each message, and cheap."""
        now = self._clock.monotonic()
        if now < self._calm_until.get(name, 0.0):
            return
        self._carry_out(self._core.heard(name, now))
        if name in self._calm_until and self.is_there(name):
            self._calm_until[name] = now + CALM

    def try_now(self, name: str) -> None:
        """Ping a member now, wherever it may be."""
        if name in self._calm_until and self.datagrams.addresses:
            self._carry_out(self._core.check(name, self._clock.monotonic()))

    def spread(self, document: Document) -> None:
        """Pass a document on that is new to this node's roster."""
        self._carry_out(self._core.spread(document))

    def set_digest(self, digest: str) -> None:
        """The roster is another one now (16 hex digits)."""
        self._core.digest = digest

    def sleeping(self) -> None:
        """This machine is about to sleep."""
        self._carry_out(self._core.sleeping(self._clock.monotonic()))

    def stopping(self) -> None:
        """This daemon is about to stop."""
        self._carry_out(self._core.stopping())

    def woke(self, slept: float) -> None:
        """This machine has slept for so many seconds."""
        self._carry_out(self._core.woke(slept, self._clock.monotonic()))

    @property
    def incarnation(self) -> int:
        """This node's own."""
        return self._core.incarnation

    def peer(self, name: str) -> PeerPresence:
        """What is known of a member; moments are of the node's monotonic clock. KeyError for any other."""
        return self._core.peer(name)

    def peers(self) -> list[PeerPresence]:
        """All other members, by name."""
        return self._core.peers()

    def is_there(self, name: str) -> bool:
        """Whether a member is alive, as far as is known."""
        return name in self._calm_until and self._core.is_alive(name)

    def best_address(self, name: str) -> str | None:
        """The address of the last round trip with a member."""
        return self._ways.best(name)

    def _made(self, incarnation: int) -> Presence:
        identity = self._members.identity
        return Presence(
            identity.node,
            incarnation,
            self._period,
            random.random,
            lambda data: identity.sign(data).hex(),
            self._is_signed,
            self._members.fleet,
        )

    def _is_signed(self, name: str, data: bytes, signature: str) -> bool:
        member = self._members.get(name)
        return member is not None and signed_by(member.row.ed25519, bytes.fromhex(signature), data)

    def _restore(self, row: PeerRow) -> None:
        self._ways.know(row.node, row.best_address)
        try:
            state = PresenceState(row.state)
        except ValueError:
            return  # nothing is known of it yet, or it is out
        ago = max(0.0, self._clock.now() - row.state_since) if row.state_since is not None else 0.0
        since = self._clock.monotonic() - ago
        self._core.restore(row.node, state, since, row.state_how, row.incarnation)

    async def _until(self, moment: float) -> None:
        wait = moment - self._clock.monotonic()
        if wait <= 0:
            return
        try:
            async with asyncio.timeout(wait if wait != float("inf") else None):
                await self._sooner.wait()
        except TimeoutError:
            pass  # the time has come

    def _take(self, member: Member, opened: Opened, source: Source) -> bool:
        """One authentic datagram; whether it was new."""
        try:
            gossip = packets.read(opened.packet, Gossip)
        except (NotStrict, BadPacket) as error:
            self._counters.failed("gossip_bad", peer=member.node, reason=error)
            return True
        if member.node not in self._calm_until:
            return True
        now = self._clock.monotonic()
        wanted = self._core.hear(member.node, gossip, now)
        is_fresh = self._core.peer(member.node).heard_at == now
        # What is no replay names an address that is worth a ping; where it came from is tried by what follows.
        if not wanted and not is_fresh:
            return False
        moved = self._ways.came_from(member, source, now, is_fresh=is_fresh)
        self._carry_out(wanted, Heard(gossip, source, member.ring.reply(opened.header.kid)))
        if is_fresh:
            self._heard(member, join_address(*source))
            if gossip.facts is not None:
                self.facts_came(member.node, gossip.facts)
            if moved:
                self._carry_out(self._core.check(member.node, now))
        return True

    def _carry_out(self, wanted: Iterable[Effect], heard: Heard | None = None) -> None:
        """Effects in their order; `heard` is what they answer."""
        for effect in wanted:
            match effect:
                case effects.Send(to, gossip, everywhere):
                    self._send(to, gossip, everywhere)
                case effects.Reply(to, gossip) if heard is not None:
                    self._reply(to, gossip, heard)
                case effects.Answered(name) if heard is not None:
                    self._answered(name, heard)
                case effects.Changed():
                    self._changed(effect)
                case effects.Confirmed():
                    self._events.happened(PRESENCE)
                case effects.Returned(name):
                    self._is_back(name)
                case effects.TryHttp(name):
                    self._try_http(name)
                case effects.Learned(sender, document):
                    self.learn(sender, document)
                case effects.Differs(name):
                    self.differs(name)
                case effects.Raised(incarnation):
                    self._store.meta.set_later(INCARNATION, str(incarnation))
        if self._core.next_due() < self._due:
            self._sooner.set()

    def _send(self, to: str, gossip: Gossip, everywhere: bool) -> None:
        member = self._members.get(to)
        if member is None:
            return
        addresses = self._ways.all(member) if everywhere else self._ways.usual(member)
        if gossip.kind == "ping":
            self._ways.pinged(to, gossip.count, addresses)
        self.datagrams.send(member, packets.write(gossip), addresses)

    def _reply(self, to: str, gossip: Gossip, heard: Heard) -> None:
        member = self._members.get(to)
        if member is not None:
            self.datagrams.send(member, packets.write(gossip), [heard.source], heard.keys)

    def _answered(self, name: str, heard: Heard) -> None:
        member = self._members.get(name)
        if member is not None and self._ways.answered(name, heard.gossip.re, heard.source):
            member.answers_at = self._ways.best(name)
            self._store.peers.best_address_later(name, member.answers_at)

    def _changed(self, change: effects.Changed) -> None:
        self._counters.count(f"peer_{change.after}")
        self._events.happened(PRESENCE)
        if change.after is PresenceState.LEFT:
            return  # what is kept of it is the roster's to say
        incarnation = self._core.peer(change.name).incarnation
        self._store.peers.presence_later(change.name, change.after, self._clock.now(), change.how, incarnation)
        if change.after is PresenceState.ALIVE:
            self._is_back(change.name)
