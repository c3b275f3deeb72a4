"""Machines that are out against their will, with the keys they had here: so that documents can still come from them.

Who is out may have been put out by a captain gone bad, and what it says to that must reach whoever has dropped its
keys, or one revocation would split the fleet for ever. Whose place is in doubt is the roster's to say: not who was put
out by a captain that was there before it. Nothing but documents is taken, which prove themselves; that is no sign of
life, and moves no address.
"""

from collections.abc import Container, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from multifleet.core.limits import TokenBucket
from multifleet.core.roster import How

if TYPE_CHECKING:
    from multifleet.node.members import Member

KEEP_SECONDS = 30 * 86_400.0
MOST = 64
"""Machines; those that were members here for longest stay, so that no crowd of new ones drives them out."""
BURST, PER_SECOND = 16, 0.2
"""Frames of one of them that are looked at."""
MAY_RETURN = ("disputed", "orphaned")
"""How a machine may be out and yet in once captains have decided."""


@dataclass(slots=True)
class Outsider:
    """One of them."""

    member: "Member"
    how: How
    since: float
    is_heard: bool = False
    """Whether it may be out by mistake: only then its documents are taken."""
    budget: TokenBucket = field(default_factory=lambda: TokenBucket(BURST, PER_SECOND))


class Aside:
    """One for the node. Moments are of the wall clock, but for budgets."""

    def __init__(self) -> None:
        self._by_key: dict[str, Outsider] = {}

    def __len__(self) -> int:
        return len(self._by_key)

    def put(self, member: "Member", how: How, since: float) -> None:
        """Keep a machine's keys aside; it is out since then."""
        self._by_key[member.row.ed25519.hex()] = Outsider(member, how, since)
        if len(self._by_key) > MOST:
            newest = max(self._by_key, key=lambda key: (self._by_key[key].member.row.added_at, key))
            del self._by_key[newest]

    def keep(self, out: Mapping[str, How], contested: Container[str]) -> None:
        """The keys in `out` are out against their will, and no others; those in `contested` may be so by mistake."""
        for key, outsider in list(self._by_key.items()):
            if key in out:
                outsider.how, outsider.is_heard = out[key], key in contested
            else:
                del self._by_key[key]

    def clear(self) -> None:
        """This node is in another fleet now."""
        self._by_key.clear()

    def find(self, sender: str, kid: str, now: float) -> Outsider | None:
        """Whose frame this may be, by its header, if it is heard at all."""
        for outsider in self._by_key.values():
            is_it = outsider.member.node == sender and outsider.member.ring.find(kid) is not None
            if is_it and outsider.is_heard and now - outsider.since < KEEP_SECONDS:
                return outsider
        return None

    def of(self, member: "Member") -> Outsider | None:
        """What is known of this one."""
        return self._by_key.get(member.row.ed25519.hex())

    def to_ask(self, now: float) -> list["Member"]:
        """With whom rosters are worth comparing: who was simply put out is asked nothing."""
        return [
            outsider.member
            for outsider in self._by_key.values()
            if outsider.how in MAY_RETURN and outsider.is_heard and now - outsider.since < KEEP_SECONDS
        ]

    def members(self) -> list["Member"]:
        """All of them."""
        return [outsider.member for outsider in self._by_key.values()]
