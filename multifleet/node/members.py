"""The other nodes as this one knows them: pinned keys, addresses, when each was heard, how far its clock is off."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from msgspec.structs import replace

from multifleet.core.card import issued_of
from multifleet.core.key_ring import Between, KeyRing, own_keys
from multifleet.core.keys import Identity, PairKeys
from multifleet.core.replay import LOOSE, Offset
from multifleet.errors import KeyChanged, UnknownNode
from multifleet.node.aside import Aside
from multifleet.node.keys.key_notes import KeyNotes
from multifleet.store.rows import PeerRow


@dataclass(slots=True)
class Member:
    """One peer while the daemon runs. The object stays the same as long as the peer is a member."""

    row: PeerRow
    ring: KeyRing
    """Every key that may be in use with it."""
    addresses: tuple[str, ...]
    offset: float | None
    """Its clock minus ours, in seconds, as learned; None while nothing is known."""
    offset_bound: float = LOOSE
    """Seconds by which that may be wrong."""
    removed: bool = False
    """Whether it is a member no more: nothing that it says counts."""
    heard_at: float | None = None
    """Monotonic."""
    heard_wall: float | None = None
    heard_from: str | None = None
    round_trip: float | None = None
    calls_from: str | None = None
    """ "host:port" from which its last datagram came: worth a try, and believed after a signed round trip."""
    answers_at: str | None = None
    """ "host:port" of the last round trip of datagrams."""
    node: str = field(init=False)
    """Its id."""

    def __post_init__(self) -> None:
        self.node = self.row.node

    @property
    def learned_offset(self) -> Offset | None:
        """How far its clock is ahead, and how well that is known."""
        return None if self.offset is None else Offset(self.offset, self.offset_bound)

    @property
    def ahead(self) -> float:
        """Seconds by which its clock is ahead for certain."""
        learned = self.learned_offset
        return 0.0 if learned is None else learned.certain

    @property
    def outgoing(self) -> PairKeys:
        """The keys under which frames go to it."""
        return self.ring.outgoing

    @property
    def incoming(self) -> PairKeys:
        """The keys under which its frames come, once it has this node's newest card."""
        return self.ring.incoming

    @property
    def reachable_at(self) -> tuple[str, ...]:
        """Every address to try: the one that answers datagrams, those of its card, then the one it calls from."""
        first, last = self.answers_at, self.calls_from
        if (first is None or (first,) == self.addresses[:1]) and (last is None or last in self.addresses):
            return self.addresses
        return tuple(dict.fromkeys(one for one in (first, *self.addresses, last) if one is not None))


class Members:
    """All peers by id. Holds this node itself too: what it sends to its own seats goes the same way."""

    def __init__(self, identity: Identity, fleet: str, notes: KeyNotes | None = None) -> None:
        self.fleet = fleet
        self.notes = notes or KeyNotes()
        self._members: dict[str, Member] = {}
        self.aside = Aside()
        """Those that are out against their will."""
        self._identity = identity
        self._own = own_keys(identity.exchange_keys)
        self.own_receipts = identity.own_key("rcpt")
        """The key under which this node states its own steps: no fleet and no new X25519 key changes it."""

    @property
    def identity(self) -> Identity:
        """This node's keys as they are now."""
        return self._identity

    def install(self, identity: Identity) -> None:
        """Take renewed X25519 keys: frames under all of them are opened; each peer is written to under that which it
        is known to hold."""
        self._identity = identity
        self._own = own_keys(identity.exchange_keys)
        for member in (*self._members.values(), *self.aside.members()):
            member.ring.install(self._own)
            if member.node == identity.node:
                member.ring.renew(self._own[0].public)
                member.ring.accept([one.public for one in self._own[1:]])
                member.ring.proved(member.ring.incoming.kid)
                member.row = replace(member.row, x25519=self._own[0].public)

    def move_to(self, fleet: str) -> None:
        """Belong to another fleet; only for a node without other members."""
        self.fleet = fleet
        self.aside.clear()
        for member in list(self._members.values()):
            member.ring = self._ring(member.row)

    def admit(self, row: PeerRow) -> Member:
        """Take a peer in, or its new row; KeyChanged where that brings back a card that was replaced.

        What was learned of a known peer while running stays, and so do keys that it may still be using.
        """
        known = self._members.get(row.node)
        if known is not None and known.row.ed25519 == row.ed25519:
            self._renew(known, row)
            return known
        member = self._member(row)
        self._members[row.node] = member
        self.notes.keep(row.node, member.ring.incoming)
        return member

    def outsider(self, row: PeerRow) -> Member:
        """A machine that is out, as it was when it was a member; WeakKey where its key is unusable."""
        member = self._member(row)
        member.removed = True
        return member

    def _member(self, row: PeerRow) -> Member:
        member = Member(row, self._ring(row), tuple(row.addresses), row.clock_offset)
        member.heard_wall, member.heard_from = row.heard_at, row.heard_from
        return member

    def _renew(self, known: Member, row: PeerRow) -> None:
        if row.x25519 != known.row.x25519:
            if 0 < issued_of(row.card) <= issued_of(known.row.card):
                raise KeyChanged(f"this card of {row.node} is older than the one that is known: it has a newer one")
            known.ring.renew(row.x25519)
            if row.node != self._identity.node:
                self.notes.replaced(row.node, known.row.x25519)
        known.row = row
        known.addresses = tuple(row.addresses)
        if row.clock_offset is not None and row.clock_offset != known.offset:
            known.offset, known.offset_bound = row.clock_offset, LOOSE

    def accept_older(self) -> None:
        """Peers' frames are opened under those of their older keys that are still noted, and under no others."""
        for member in self.others():
            older = self.notes.older(member.node)
            if set(member.ring.older) != set(older) - {member.ring.theirs}:
                member.ring.accept(older)

    def remove(self, node: str) -> Member | None:
        """Drop a peer and its keys at once: it was revoked, or it left. The member that it was."""
        gone = self._members.pop(node, None)
        if gone is not None:
            self.notes.removed(node)
            gone.removed = True
        return gone

    def _ring(self, row: PeerRow) -> KeyRing:
        me = self._identity.node
        if row.node == me:
            # What a node says to itself is not tied to the fleet.
            older = [one.public for one in self._own[1:]]
            return KeyRing(Between("", me, me), self._own, row.x25519, older=older, shown=self._own[0].public)
        return KeyRing(
            Between(self.fleet, me, row.node),
            self._own,
            row.x25519,
            older=self.notes.older(row.node),
            shown=self.notes.shown(row.node),
            met=row.added_at,
        )

    def get(self, node: str) -> Member | None:
        """The member, or None."""
        return self._members.get(node)

    def need(self, node: str) -> Member:
        """The member; UnknownNode lists those that there are."""
        member = self._members.get(node)
        if member is None:
            others = sorted(other.node for other in self.others())
            if not others:
                raise UnknownNode(f"no node {node!r} in the fleet (no machine has joined yet: multifleet invite)")
            raise UnknownNode(
                f"no node {node!r} in the fleet (known: {', '.join(others)}): write to one of these, or let it in "
                "with multifleet invite here and multifleet join there"
            )
        return member

    def others(self) -> Iterator[Member]:
        """All but this node."""
        return (member for member in self._members.values() if member.node != self.identity.node)

    def __iter__(self) -> Iterator[Member]:
        return iter(self._members.values())

    def incoming_keys(self, sender: str, kid: str) -> PairKeys | None:
        """The keys under which a frame from `sender` with this key id must be."""
        member = self._members.get(sender)
        return member.ring.find(kid) if member is not None else None

    def proved(self, sender: str, kid: str) -> None:
        """A frame of this sender under this key id was authentic: it tells which of our cards the sender holds."""
        member = self._members.get(sender)
        keys = member.ring.find(kid) if member is not None else None
        if member is None or keys is None:
            return
        self.notes.keep(sender, keys)
        if member.ring.proved(kid) and member.ring.shown is not None:
            self.notes.showed(sender, member.ring.shown)

    def receipt_keys(self, peer: str) -> list[bytes]:
        """Every key under which a peer may have stated what is in the store, also before keys were renewed."""
        member = self._members.get(peer)
        current = member.ring.receipt_keys() if member is not None else []
        return list(dict.fromkeys([*current, *self.notes.kept(peer)]))
