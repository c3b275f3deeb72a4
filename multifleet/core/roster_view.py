"""What a roster says to those who ask it: the members, who is out and why, and what waits for a person."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from multifleet.core.card import Card
from multifleet.core.documents import Role, Signed

STOP_AHEAD = 24 * 3_600_000
"""Milliseconds that a word about the whole fleet may be dated ahead of the clock of whoever reads it: one dated at the
end of time could never be outdone."""

How: TypeAlias = Literal["revoked", "disputed", "orphaned", "left", "name-taken"]


@dataclass(frozen=True, slots=True)
class Anchor:
    """A member that this node believes in without a document. Anchors are local: nobody else is told of them."""

    node: str
    role: Role = "captain"
    eligible: bool = True
    by: str = ""
    """The key that had let it in, where the node that let this one in said so; empty for a root: this node itself when
    it founded the fleet, a founder, a machine of the configuration."""
    at: int = 0
    """When it was let in, in milliseconds; 0 for the founder. Seniority is counted from here."""
    told_by: tuple[str, ...] = ()
    """The keys through which this node came to hear of it when it was let in; empty for what it knows by itself."""


@dataclass(frozen=True, slots=True)
class MemberFacts:
    """A member."""

    node: str
    key: str
    role: Role
    """The highest it was ever given."""
    eligible: bool
    """By the newest word."""
    by: str
    """The key of who let it in first; empty for a root."""
    at: int
    """When that was, in milliseconds, and not before its admitter was: its seniority."""
    card: Card | None
    """Its newest, if one came."""
    signed_card: Signed | None


@dataclass(frozen=True, slots=True)
class Out:
    """A key that is not, or no longer, a member's."""

    node: str
    key: str
    how: How
    by: str
    """The node id of who said so: the revoker; of an orphan, the one through which it had come in; of a name that was
    taken, the same name. Empty where it is not known."""
    by_key: str
    at: int
    reason: str
    """For people; a revoker's own words are a stranger's text."""
    admitted: tuple[str, ...] = ()
    """Keys that this one had let in and that are members all the same."""


@dataclass(frozen=True, slots=True)
class Dispute:
    """A revocation on which only a person can decide; its target is out meanwhile."""

    id: str
    """Of the document."""
    node: str
    key: str
    by: str
    """Node id of the signer, empty where it is not known."""
    by_key: str
    at: int
    reason: str


@dataclass(frozen=True, slots=True)
class Stopped:
    """The newest word of the captains about the whole fleet: that nothing is shown to its sessions."""

    node: str
    """Who said so."""
    at: int


@dataclass(frozen=True, slots=True)
class StopWord:
    """A captain's word about the whole fleet: that it is stopped, or goes on."""

    node: str
    at: int
    stopped: bool


@dataclass(frozen=True, slots=True)
class View:
    """Who is in the fleet, as this node sees it."""

    members: Mapping[str, MemberFacts]
    """By node id, this node among them."""
    by_key: Mapping[str, MemberFacts]
    """The same, by key."""
    out: Mapping[str, Out]
    """By key."""
    disputes: tuple[Dispute, ...]
    """For people. A further captain's revocation of one of the two settles it."""
    me_out: Out | None
    """Why this node itself is out, if it is."""
    retired: bool
    """Whether somebody was ever revoked: the shared key of the fleet then lets nobody in any more."""
    accepted: frozenset[str]
    """Ids of the revocations that count."""
    known: frozenset[str]
    """Keys that were ever let in, whatever became of them."""
    entitled: frozenset[str]
    """Those of them that were let in as captains."""
    stop_words: tuple[StopWord, ...] = ()
    """The captains' words about the whole fleet, newest first."""

    def stopped(self, now: int) -> Stopped | None:
        """Whether, and by whom, the whole fleet is stopped; `now` in milliseconds."""
        newest = next((word for word in self.stop_words if word.at <= now + STOP_AHEAD), None)
        return Stopped(newest.node, newest.at) if newest and newest.stopped else None

    def is_captain(self, key: str) -> bool:
        """Whether this key may let others in and put them out."""
        member = self.by_key.get(key)
        return member is not None and member.role == "captain"

    def captains(self) -> list[str]:
        """Node ids of the captains, most senior first."""
        return [member.node for member in by_seniority(self.members.values()) if member.role == "captain"]

    def anchors(self) -> dict[str, Anchor]:
        """What a node that is let in here is told, by key: enough to know everybody before the documents come."""
        return {
            member.key: Anchor(member.node, member.role, member.eligible, member.by, member.at)
            for member in self.members.values()
        }


def by_seniority(members: Iterable[MemberFacts]) -> list[MemberFacts]:
    """The members, whoever was let in first coming first; the same order everywhere."""
    return sorted(members, key=lambda member: (member.at, member.key))
