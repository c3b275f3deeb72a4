"""What a roster's documents mean.

A pure function of the documents, this node's anchors and its key. In whatever order the documents came, whoever has
the same ones sees the same; nothing here remembers what was seen before.
"""

from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, replace

from multifleet.core.card import Card
from multifleet.core.documents import Admission, Document, Leave, Revocation, Stop
from multifleet.core.revocations import Claim, Grant, Judgement, Reach, judge, reach
from multifleet.core.roster_view import Anchor, Dispute, How, MemberFacts, Out, StopWord, View
from multifleet.core.seniority import Seniority, seniority


@dataclass(frozen=True, slots=True)
class Trust:
    """Who is in and which revocations count: the part that cards and leaves do not change."""

    judgement: Judgement
    seniority: Seniority
    standing: tuple[tuple[Document, Revocation], ...]
    """The revocations that are accepted or disputed, oldest first."""


def weigh(
    me: str, anchors: Mapping[str, Anchor], settled: Container[str], documents: Iterable[Document]
) -> Trust:
    """What the admissions and revocations come to for the node with the key `me`."""
    grants, revocations = _words(anchors, documents)
    claims = [
        Claim(body.by, body.key, name, frozenset(body.admitted), frozenset(body.revoked))
        for name, (_, body) in revocations.items()
    ]
    judgement = judge(grants, claims, me, settled)
    standing = [revocations[name] for name in judgement.accepted | judgement.disputed]
    standing.sort(key=lambda pair: (pair[0].at, pair[0].id))
    return Trust(judgement, seniority(judgement.after.grants), tuple(standing))


def without_revocations(anchors: Mapping[str, Anchor], documents: Iterable[Document]) -> Reach:
    """Who would be in if nobody had ever been revoked: a small part of the work."""
    return reach(_words(anchors, documents)[0])


def _words(
    anchors: Mapping[str, Anchor], documents: Iterable[Document]
) -> tuple[list[Grant], dict[str, tuple[Document, Revocation]]]:
    grants: list[Grant] = []
    written: set[tuple[str, str]] = set()
    revocations: dict[str, tuple[Document, Revocation]] = {}
    for document in documents:
        body = document.body
        if isinstance(body, Admission):
            written.add((body.key, body.by))
            captain = body.role == "captain"
            grants.append(Grant(body.key, body.by, body.node, captain, body.eligible, body.at, document.id))
        elif isinstance(body, Revocation):
            revocations[document.id] = document, body
    # What an anchor was told of an admission holds until the document is here: that is the same for everybody.
    grants += [_told(key, anchor) for key, anchor in sorted(anchors.items()) if (key, anchor.by) not in written]
    return grants, revocations


def _told(key: str, anchor: Anchor) -> Grant:
    is_told, is_captain = bool(anchor.by), anchor.role == "captain"
    return Grant(
        key, anchor.by, anchor.node, is_captain, anchor.eligible, anchor.at, "", is_told, told_by=anchor.told_by
    )


def view_of(trust: Trust, me: str, documents: Iterable[Document], pins: Mapping[str, str]) -> View:
    """The view of the node with the key `me`, with the cards and leaves among the documents.

    `pins` are names with the keys that this node has for them: no document gives a name to another key while that one
    stands.
    """
    return _Reading(trust, documents, pins).view(me)


def contested(trust: Trust, me: str, settled: Container[str]) -> frozenset[str]:
    """Keys that are out and whose place is in doubt.

    That is who is disputed; who was put out, but by nobody who was there before it; and whom such a one had let in. The
    word of this node's own user is beyond doubt. No key makes itself more senior than it is, so that a thief who was
    put out by those who had let his machine in is not heard.
    """
    since = seniority(trust.judgement.before.grants).captains
    doubtful: dict[str, bool] = {}
    for document, body in trust.standing:
        is_sure = body.by == me or document.id in settled
        is_junior = since.get(body.by, 0) >= since.get(body.key, 0)
        in_doubt = document.id in trust.judgement.disputed or is_junior
        doubtful[body.key] = doubtful.get(body.key, True) and in_doubt and not is_sure
    found = {key for key, in_doubt in doubtful.items() if in_doubt}
    cut = {key for key in trust.judgement.before.keys - trust.judgement.after.keys if key not in doubtful}
    by: dict[str, list[str]] = {}
    for grant in trust.judgement.before.grants:
        if grant.key in cut:
            for through in (grant.by, *grant.told_by):
                by.setdefault(through, []).append(grant.key)
    todo = list(found)
    while todo:
        for key in by.get(todo.pop(), ()):
            if key not in found:
                found.add(key)
                todo.append(key)
    return frozenset(found)


class _Reading:
    def __init__(self, trust: Trust, documents: Iterable[Document], pins: Mapping[str, str]) -> None:
        self._judgement = trust.judgement
        self._seniority = trust.seniority
        self._pins = pins
        self._standing = trust.standing
        self._leaves: dict[str, int] = {}
        self._cards: dict[tuple[str, str], Document] = {}
        self._stops: list[tuple[Document, Stop]] = []
        for document in documents:
            if isinstance(document.body, Leave):
                self._leaves[document.key] = document.at
            elif isinstance(document.body, Stop):
                self._stops.append((document, document.body))
            elif isinstance(document.body, Card):
                self._cards[document.key, document.body.node] = document
        self._before = self._by_key(self._judgement.before.grants)
        self._after = self._by_key(self._judgement.after.grants)
        self._targets = frozenset(document.key for document, _ in self._standing)

    def _by_key(self, grants: Iterable[Grant]) -> dict[str, list[Grant]]:
        """The grants that hold, those by key; first the one that says the name and the seniority."""
        found: dict[str, list[Grant]] = {}
        for grant in grants:
            found.setdefault(grant.key, []).append(grant)
        for given in found.values():
            if len(given) > 1:
                given.sort(key=self._precedence)
        return found

    def _precedence(self, grant: Grant) -> tuple[bool, bool, int, str]:
        # A node's own card decides between names: a captain must not rename it by dating an admission back.
        return bool(grant.by), (grant.key, grant.node) not in self._cards, self._seniority.of(grant), grant.id

    def view(self, me: str) -> View:
        out: dict[str, Out] = {}
        for document, body in self._standing:
            self._put_out(out, document, body)
        for key, given in self._before.items():
            if key not in self._after and key not in out:
                out[key] = self._orphan(given[0])
        for key, given in self._after.items():
            left = self._leaves.get(key)
            if key not in out and left is not None and left >= max(grant.at for grant in given):
                out[key] = Out(given[0].node, key, "left", given[0].node, key, left, "it left")
        members = self._members(out)
        by_key = {member.key: member for member in members.values()}
        for key, names in self._let_in(by_key).items():
            if key in out:
                out[key] = replace(out[key], admitted=tuple(sorted(names)))
        return View(
            members=members,
            by_key=by_key,
            out=out,
            disputes=self._disputes(),
            me_out=out.get(me),
            retired=bool(self._standing),
            accepted=self._judgement.accepted,
            known=self._judgement.before.keys,
            entitled=self._judgement.before.captains,
            stop_words=self._stop_words(by_key, out),
        )

    def _stop_words(self, by_key: Mapping[str, MemberFacts], out: Mapping[str, Out]) -> tuple[StopWord, ...]:
        """The words of captains, newest first; where two are as new, in the same order for everybody."""
        newest_first = sorted(self._stops, key=lambda pair: (pair[0].at, pair[0].id), reverse=True)
        said = ((self._captain_who_said(document, by_key, out), document, body) for document, body in newest_first)
        return tuple(StopWord(node, document.at, body.stopped) for node, document, body in said if node)

    def _captain_who_said(self, document: Document, by_key: Mapping[str, MemberFacts], out: Mapping[str, Out]) -> str:
        """The node id of the captain that signed, now or before it left; empty where it was none, or was put out.

        Who left has said itself until when it was there. Of who was put out nothing says when it signed: a thief dates
        a word as he likes, so whoever puts it out says anew what stood (see issuing.make_revocation).
        """
        member, gone = by_key.get(document.by), out.get(document.by)
        if member:
            return member.node if member.role == "captain" else ""
        if gone and gone.how == "left" and document.at <= gone.at:
            return gone.node if any(grant.captain for grant in self._after[document.by]) else ""
        return ""

    def _put_out(self, out: dict[str, Out], document: Document, body: Revocation) -> None:
        accepted = document.id in self._judgement.accepted
        told = out.get(body.key)
        if told and (told.how == "revoked" or not accepted):
            return
        node = self._name(body.key) or body.node
        how: How = "revoked" if accepted else "disputed"
        out[body.key] = Out(node, body.key, how, self._name(body.by), body.by, body.at, body.reason)

    def _orphan(self, grant: Grant) -> Out:
        last, seen = grant, {grant.key}
        while not (through := self._cut(last)) and last.by in self._before and last.by not in seen:
            seen.add(last.by)
            last = self._before[last.by][0]
        through = through or last.by
        name = self._name(through)
        if through == grant.by:
            reason = f"let in by {name}, which was revoked"
        elif through in grant.told_by:
            reason = f"known here by the word of {name} alone, which was revoked"
        else:
            reason = f"let in through {name}, which was revoked"
        return Out(grant.node, grant.key, "orphaned", name, through, grant.at, reason)

    def _cut(self, grant: Grant) -> str:
        """Who was put out of those on whom this grant rests; empty where nobody was."""
        return next((key for key in (grant.by, *grant.told_by) if key in self._targets), "")

    def _members(self, out: dict[str, Out]) -> dict[str, MemberFacts]:
        members: dict[str, MemberFacts] = {}
        candidates = [given for key, given in self._after.items() if key not in out]
        for given in sorted(candidates, key=self._claim):
            first = given[0]
            holder = members.get(first.node)
            if holder:
                by = self._name(first.by) or "nobody known here"
                reason = f"the name {first.node} is another machine's here; this one was let in by {by}"
                at = self._seniority.of(first)
                out[first.key] = Out(first.node, first.key, "name-taken", first.node, holder.key, at, reason)
            else:
                members[first.node] = self._member(given)
        return members

    def _claim(self, given: list[Grant]) -> tuple[bool, bool, int, str]:
        """Who of several keeps a name: the key that is pinned for it here, then a root, then whoever is most senior."""
        first = given[0]
        return self._pins.get(first.node) != first.key, bool(first.by), self._seniority.of(first), first.key

    def _member(self, given: list[Grant]) -> MemberFacts:
        first = given[0]
        card = self._cards.get((first.key, first.node))
        return MemberFacts(
            node=first.node,
            key=first.key,
            role="captain" if any(grant.captain for grant in given) else "worker",
            eligible=min(given, key=lambda grant: (-grant.at, grant.id)).eligible,
            by=first.by,
            at=min(map(self._seniority.of, given)),
            card=card.body if card and isinstance(card.body, Card) else None,
            signed_card=card.signed if card else None,
        )

    def _let_in(self, members: Mapping[str, MemberFacts]) -> dict[str, set[str]]:
        found: dict[str, set[str]] = {}
        for key in members:
            for grant in self._after[key]:
                found.setdefault(grant.by, set()).add(key)
        return found

    def _disputes(self) -> tuple[Dispute, ...]:
        return tuple(
            Dispute(
                id=document.id,
                node=self._name(body.key) or body.node,
                key=body.key,
                by=self._name(body.by),
                by_key=body.by,
                at=body.at,
                reason=body.reason,
            )
            for document, body in self._standing
            if document.id in self._judgement.disputed
        )

    def _name(self, key: str) -> str:
        given = self._before.get(key)
        return given[0].node if given else ""
