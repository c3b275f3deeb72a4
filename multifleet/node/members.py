"""The other nodes as this one knows them: pinned keys, addresses, when each was heard, how far its clock is off."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from multifleet.core.keys import Identity, PairKeys
from multifleet.errors import UnknownNode
from multifleet.store.rows import PeerRow

HEARD_SECONDS = 15.0
"""A peer that was heard within these is taken to be there."""


@dataclass(slots=True)
class Member:
    """One peer while the daemon runs."""

    row: PeerRow
    outgoing: PairKeys
    incoming: PairKeys
    addresses: tuple[str, ...]
    offset: float | None
    """Its clock minus ours, in seconds, as learned; None while nothing is known."""
    heard_at: float | None = None
    """Monotonic."""
    heard_wall: float | None = None
    heard_from: str | None = None
    round_trip: float | None = None
    calls_from: str | None = None
    """ "host:port" from which its last heartbeat came: worth a try, and believed after a signed round trip."""
    heartbeat: tuple[str, int] = ("", -1)
    """Its last (boot, count)."""
    old_boots: set[str] = field(default_factory=set)

    @property
    def node(self) -> str:
        """Its id."""
        return self.row.node

    @property
    def reachable_at(self) -> tuple[str, ...]:
        """Every address to try: those of its card, then the one it calls from."""
        if self.calls_from is None or self.calls_from in self.addresses:
            return self.addresses
        return (*self.addresses, self.calls_from)

    def is_heard(self, now: float) -> bool:
        """Whether something authentic came from it lately; `now` is monotonic."""
        return self.heard_at is not None and now - self.heard_at < HEARD_SECONDS


class Members:
    """All peers by id. Holds this node itself too: what it sends to its own seats goes the same way."""

    def __init__(self, identity: Identity, fleet: str) -> None:
        self.identity = identity
        self.fleet = fleet
        self._members: dict[str, Member] = {}
        self.own_receipts = self._own_key()
        """The key under which this node states its own steps."""

    def _own_key(self) -> bytes:
        # Not tied to the fleet: what was stated before joining one must stay provable.
        identity = self.identity
        return identity.pair("", identity.node, identity.exchange_public)[0].receipt

    def move_to(self, fleet: str) -> None:
        """Belong to another fleet; only for a node without other members."""
        self.fleet = fleet
        for member in list(self._members.values()):
            self.admit(member.row)

    def admit(self, row: PeerRow) -> Member:
        """Take a peer in, or its new row."""
        # What a node states to itself is not tied to the fleet: it must stay provable after joining one.
        fleet = "" if row.node == self.identity.node else self.fleet
        outgoing, incoming = self.identity.pair(fleet, row.node, row.x25519)
        known = self._members.get(row.node)
        member = Member(row, outgoing, incoming, tuple(row.addresses), row.clock_offset)
        if known is not None:
            member.heard_at, member.heard_wall, member.heard_from = (
                known.heard_at,
                known.heard_wall,
                known.heard_from,
            )
            member.heartbeat, member.old_boots = known.heartbeat, known.old_boots
            member.calls_from = known.calls_from
            member.offset = known.offset if row.clock_offset is None else row.clock_offset
        else:
            member.heard_wall, member.heard_from = row.heard_at, row.heard_from
        self._members[row.node] = member
        return member

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
        return member.incoming if member is not None and member.incoming.kid == kid else None
