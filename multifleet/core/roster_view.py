"""What a roster's documents mean: who is a member, who is out and why, and what waits for a person.

A pure function of the documents, this node's anchors and its key. In whatever order the documents came, whoever has
the same ones sees the same; nothing here remembers what was seen before.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from multifleet.core.card import Card
from multifleet.core.documents import Admission, Document, Leave, Revocation, Role, Signed
from multifleet.core.revocations import Claim, Grant, Judgement, judge

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
    """When that was, in milliseconds: its seniority."""
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
    """A revocation on which only a person can decide: its signer and its target both are out meanwhile."""

    node: str
    key: str
    by: str
    """Node id of the signer, empty where it is not known."""
    by_key: str
    at: int
    reason: str


@dataclass(frozen=True, slots=True)
class View:
    """Who is in the fleet, as this node sees it."""

    members: Mapping[str, MemberFacts]
    """By node id, this node among them."""
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

    def is_captain(self, key: str) -> bool:
        """Whether this key may let others in and put them out."""
        return any(member.key == key and member.role == "captain" for member in self.members.values())

    def captains(self) -> list[str]:
        """Node ids of the captains, most senior first."""
        return [member.node for member in by_seniority(self.members.values()) if member.role == "captain"]

    def member(self, key: str) -> MemberFacts | None:
        """The member with this key."""
        return next((member for member in self.members.values() if member.key == key), None)

    def anchors(self) -> dict[str, Anchor]:
        """What a node that is let in here is told, by key: enough to know everybody before the documents come."""
        return {
            member.key: Anchor(member.node, member.role, member.eligible, member.by, member.at)
            for member in self.members.values()
        }


def by_seniority(members: Iterable[MemberFacts]) -> list[MemberFacts]:
    """The members, whoever was let in first coming first; the same order everywhere."""
    return sorted(members, key=lambda member: (member.at, member.key))


def compute(me: str, anchors: Mapping[str, Anchor], documents: Iterable[Document]) -> View:
    """The view of the node with the key `me`."""
    return _Reading(me, anchors, documents).view()


class _Reading:
    def __init__(self, me: str, anchors: Mapping[str, Anchor], documents: Iterable[Document]) -> None:
        self._me = me
        self._grants = [_from_anchor(key, anchor) for key, anchor in sorted(anchors.items())]
        self._revocations: dict[str, tuple[Document, Revocation]] = {}
        self._leaves: dict[str, int] = {}
        self._cards: dict[tuple[str, str], Document] = {}
        for document in documents:
            self._sort(document)
        claims = [
            Claim(body.by, body.key, name, frozenset(body.admitted), frozenset(body.revoked))
            for name, (_, body) in sorted(self._revocations.items())
        ]
        self._judgement: Judgement = judge(self._grants, claims, me)
        self._before = self._by_key(self._judgement.before.grants)
        self._after = self._by_key(self._judgement.after.grants)

    def _sort(self, document: Document) -> None:
        body = document.body
        if isinstance(body, Admission):
            captain = body.role == "captain"
            grant = Grant(body.key, body.by, body.node, captain, body.eligible, body.at, document.id)
            self._grants.append(grant)
        elif isinstance(body, Revocation):
            self._revocations[document.id] = (document, body)
        elif isinstance(body, Leave):
            self._leaves[body.key] = body.at
        else:
            self._cards[body.ed25519, body.node] = document

    def _by_key(self, grants: Iterable[Grant]) -> dict[str, list[Grant]]:
        """The grants that hold, for each key the earliest first; the node's own card decides between names."""
        found: dict[str, list[Grant]] = {}
        for grant in grants:
            found.setdefault(grant.key, []).append(grant)
        for given in found.values():
            given.sort(key=self._precedence)
        return found

    def _precedence(self, grant: Grant) -> tuple[bool, bool, int, str]:
        return bool(grant.by), (grant.key, grant.node) not in self._cards, grant.at, grant.id

    def view(self) -> View:
        out: dict[str, Out] = {}
        standing = self._judgement.accepted | self._judgement.disputed
        for document, body in sorted(
            (self._revocations[name] for name in standing), key=lambda pair: (pair[0].at, pair[0].id)
        ):
            self._put_out(out, document, body)
        for key, given in self._before.items():
            if key not in self._after and key not in out:
                out[key] = self._orphan(given[0])
        for key, given in self._after.items():
            left = self._leaves.get(key)
            if key not in out and left is not None and left >= max(grant.at for grant in given):
                out[key] = Out(given[0].node, key, "left", given[0].node, key, left, "it left")
        members = self._members(out)
        keys = {member.key for member in members.values()}
        for key, gone in out.items():
            let_in = {grant.key for given in self._after.values() for grant in given if grant.by == key}
            if let_in & keys:
                out[key] = Out(
                    gone.node, key, gone.how, gone.by, gone.by_key, gone.at, gone.reason, tuple(sorted(let_in & keys))
                )
        return View(
            members,
            out,
            self._disputes(),
            out.get(self._me),
            bool(standing),
            self._judgement.accepted,
        )

    def _put_out(self, out: dict[str, Out], document: Document, body: Revocation) -> None:
        accepted = document.id in self._judgement.accepted
        told = out.get(body.key)
        if told and (told.how == "revoked" or not accepted):
            return
        node = self._before[body.key][0].node if body.key in self._before else body.node
        how: How = "revoked" if accepted else "disputed"
        out[body.key] = Out(node, body.key, how, self._name(body.by), body.by, body.at, body.reason)

    def _orphan(self, grant: Grant) -> Out:
        through, direct = grant.by, True
        seen = {grant.key}
        while through not in self._targets() and through not in seen and self._before.get(through):
            seen.add(through)
            through, direct = self._before[through][0].by, False
        name = self._name(through)
        word = "by" if direct else "through"
        reason = f"let in {word} {name}, which was revoked"
        return Out(grant.node, grant.key, "orphaned", name, through, grant.at, reason)

    def _targets(self) -> frozenset[str]:
        standing = self._judgement.accepted | self._judgement.disputed
        return frozenset(self._revocations[name][1].key for name in standing)

    def _members(self, out: dict[str, Out]) -> dict[str, MemberFacts]:
        members: dict[str, MemberFacts] = {}
        candidates = [given for key, given in self._after.items() if key not in out]
        # A root keeps its name: a captain must not take it by dating an admission back.
        for given in sorted(candidates, key=lambda given: (bool(given[0].by), given[0].at, given[0].key)):
            first = given[0]
            holder = members.get(first.node)
            if holder:
                reason = f"the name {first.node} was taken before"
                out[first.key] = Out(first.node, first.key, "name-taken", first.node, holder.key, first.at, reason)
                continue
            newest = max(given, key=lambda grant: (grant.at, grant.id))
            card = self._cards.get((first.key, first.node))
            members[first.node] = MemberFacts(
                node=first.node,
                key=first.key,
                role="captain" if any(grant.captain for grant in given) else "worker",
                eligible=newest.eligible,
                by=first.by,
                at=min(grant.at for grant in given),
                card=card.body if card and isinstance(card.body, Card) else None,
                signed_card=card.signed if card else None,
            )
        return members

    def _disputes(self) -> tuple[Dispute, ...]:
        found = (self._revocations[name] for name in self._judgement.disputed)
        return tuple(
            Dispute(body.node, body.key, self._name(body.by), body.by, body.at, body.reason)
            for document, body in sorted(found, key=lambda pair: (pair[0].at, pair[0].id))
        )

    def _name(self, key: str) -> str:
        given = self._before.get(key)
        return given[0].node if given else ""


def _from_anchor(key: str, anchor: Anchor) -> Grant:
    captain = anchor.role == "captain"
    return Grant(key, anchor.by, anchor.node, captain, anchor.eligible, anchor.at, "", bool(anchor.by))
