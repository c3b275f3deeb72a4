"""The roster: a set of signed documents that only grows, and its meaning.

Two rosters that have exchanged everything are equal, in whatever order that happened. A document that cannot be
understood yet, because its signer is not known, is kept until it can. Nothing here has been told the time.
"""

import hashlib
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import get_args

from multifleet.core.documents import BadDocument, Document, Kind, Signed, look, verify
from multifleet.core.roster_reading import Trust, contested, view_of, weigh, without_revocations
from multifleet.core.roster_view import Anchor, Dispute, How, MemberFacts, Out, View, by_seniority
from multifleet.core.shelf import CARDS_OF_ONE, DOCUMENTS, ROOM, WORDS_OF_ONE, Shelf

__all__ = ["Anchor", "Dispute", "How", "MemberFacts", "Merged", "Out", "Refused", "Roster", "View", "by_seniority"]

BUCKETS = 64
NO_ROOM = (
    f"there is no room: {DOCUMENTS} documents of each kind are kept, "
    f"and {WORDS_OF_ONE} admissions and revocations of one captain"
)


@dataclass(frozen=True, slots=True)
class Refused:
    """A document that was not taken, and why."""

    signed: Signed
    reason: str


@dataclass(frozen=True, slots=True)
class Merged:
    """What a merge did."""

    new: tuple[Document, ...]
    """What was not known and is kept: to be stored, and to be passed on."""
    gone: tuple[Document, ...]
    """What these have replaced: to be kept no longer."""
    refused: tuple[Refused, ...]


class Roster:
    """The documents of one fleet as one node has them."""

    def __init__(self, fleet: str, me: str, anchors: Mapping[str, Anchor], room: int = ROOM) -> None:
        """`me` is this node's Ed25519 key in hex; `anchors` are by key; `room` is for the documents of each kind."""
        self.fleet = fleet
        self.me = me
        self._anchors = dict(anchors)
        self._settled: frozenset[str] = frozenset()
        self._pins: dict[str, str] = {}
        self._shelves: dict[Kind, Shelf] = {
            "admission": Shelf(room, WORDS_OF_ONE, oldest=True),
            "revocation": Shelf(room, WORDS_OF_ONE, oldest=True),
            "leave": Shelf(room),
            "stop": Shelf(room),
            "card": Shelf(room, CARDS_OF_ONE),
        }
        self._known: set[Signed] = set()
        self._trust: Trust | None = None
        self._contested: frozenset[str] | None = None
        self._view: View | None = None
        self._digests: list[bytes] | None = None

    @property
    def anchors(self) -> Mapping[str, Anchor]:
        """Whom this node believes in without a document, by key."""
        return self._anchors

    def set_anchors(self, anchors: Mapping[str, Anchor]) -> None:
        """Replace the anchors."""
        if anchors != self._anchors:
            self._anchors = dict(anchors)
            self._trust = self._view = None

    @property
    def settled(self) -> frozenset[str]:
        """Ids of revocations that are beyond dispute on this node, besides its own."""
        return self._settled

    def settle(self, ids: Iterable[str]) -> None:
        """Replace `settled`: what the person at this node has decided who is no captain. Local, as anchors are."""
        settled = frozenset(ids)
        if settled != self._settled:
            self._settled = settled
            self._trust = self._view = None

    def disputes(self) -> tuple[Dispute, ...]:
        """The disputes as they are where nobody has settled anything: what `settle` can be, or was, told."""
        if not self._settled:
            return self.view().disputes
        return view_of(weigh(self.me, self._anchors, (), self._all()), self.me, self._all(), self._pins).disputes

    def pin(self, pins: Mapping[str, str]) -> None:
        """Replace the names that stay with a key (in hex) as long as it stands. Local, as anchors are."""
        if pins != self._pins:
            self._pins = dict(pins)
            self._view = None

    def merge(self, documents: Iterable[Signed]) -> Merged:
        """Take what is new; what is held already, or older than what is held, is passed over in silence."""
        new: dict[str, Document] = {}
        gone: dict[str, Document] = {}
        refused: list[Refused] = []
        entitled: dict[Kind, Container[str]] = {}
        for signed in documents:
            if signed in self._known:
                continue
            try:
                document = look(signed, self.fleet)
                shelf = self._shelves[document.kind]
                held = shelf.get(document.slot)
                if held and not document.is_newer_than(held):
                    continue
                verify(document)
            except BadDocument as error:
                refused.append(Refused(signed, str(error)))
                continue
            if shelf.is_full_for(document) and document.kind not in entitled:
                entitled[document.kind] = self._entitled(document.kind)
            replaced = shelf.put(document, entitled.get(document.kind, ()))
            if replaced is None:
                refused.append(Refused(signed, NO_ROOM))
                continue
            self._changed(document, replaced)
            new[document.id] = document
            for each in replaced:
                if new.pop(each.id, None) is None:
                    gone[each.id] = each
        return Merged(tuple(new.values()), tuple(gone.values()), tuple(refused))

    def documents(
        self, buckets: Iterable[int] | None = None, kinds: Sequence[Kind] = get_args(Kind)
    ) -> list[Signed]:
        """All documents of these kinds, or those of some buckets, in an order that depends on nothing else."""
        wanted = None if buckets is None else set(buckets)
        held_ones = (held for kind in kinds for held in self._shelves[kind])
        kept = [held for held in held_ones if wanted is None or bucket(held.slot) in wanted]
        return [held.signed for held in sorted(kept, key=lambda held: held.id)]

    def held(self, kind: Kind, key: str) -> list[Document]:
        """The documents of one kind about one key."""
        return [held for held in self._shelves[kind] if held.key == key]

    def held_by(self, kind: Kind, by: str) -> list[Document]:
        """The documents of one kind that one key signed."""
        return [held for held in self._shelves[kind] if held.by == by]

    def buckets(self) -> list[str]:
        """64 digests of 8 hex digits: where two rosters differ is seen by comparing these."""
        return [digest.hex()[:8] for digest in self._bucket_digests()]

    def digest(self) -> str:
        """16 hex digits over everything: equal where two rosters hold the same documents."""
        return hashlib.sha256(b"".join(self._bucket_digests())).hexdigest()[:16]

    def view(self) -> View:
        """What the documents mean; worked out once for each change."""
        if self._trust is None:
            self._trust = weigh(self.me, self._anchors, self._settled, self._all())
            self._contested = None
        if self._view is None:
            self._view = view_of(self._trust, self.me, self._all(), self._pins)
        return self._view

    def foresee(self, documents: Iterable[Signed]) -> View:
        """What would hold with these documents, which this node is about to sign."""
        coming = {each.slot: each for each in (look(signed, self.fleet) for signed in documents)}
        then = [*(held for held in self._all() if held.slot not in coming), *coming.values()]
        return view_of(weigh(self.me, self._anchors, self._settled, then), self.me, then, self._pins)

    def told(self) -> dict[str, Anchor]:
        """What a node that is let in here is told, by key, with those by whose word alone it is known here."""
        found = self.view().anchors()
        for key, known in self._anchors.items():
            if known.told_by and key in found and found[key].by == known.by:
                found[key] = replace(found[key], told_by=known.told_by)
        return found

    def contested(self) -> frozenset[str]:
        """Keys that may be out by a mistake or a theft: they are to be heard on it (see roster_reading.contested)."""
        if self._trust is None:
            self.view()
        if self._contested is None and self._trust is not None:
            self._contested = contested(self._trust, self.me, self._settled)
        return self._contested or frozenset()

    def _all(self) -> Iterator[Document]:
        for shelf in self._shelves.values():
            yield from shelf

    def _entitled(self, kind: Kind) -> Container[str]:
        """Signers whose documents of this kind mean something."""
        if self._trust is not None:
            known = self._trust.judgement.before
        else:
            known = without_revocations(self._anchors, self._all())
        return known.captains if kind in ("admission", "revocation", "stop") else known.keys

    def _changed(self, document: Document, gone: list[Document]) -> None:
        self._known.difference_update(each.signed for each in gone)
        self._known.add(document.signed)
        self._view = self._digests = None
        if document.kind in ("admission", "revocation"):
            self._trust = None

    def _bucket_digests(self) -> list[bytes]:
        if self._digests is None:
            names: list[list[str]] = [[] for _ in range(BUCKETS)]
            for held in self._all():
                names[bucket(held.slot)].append(held.id)
            self._digests = [hashlib.sha256("".join(sorted(each)).encode()).digest() for each in names]
        return self._digests


def bucket(slot: tuple[str, ...]) -> int:
    """In which bucket documents of this slot are: newer ones are where the older were."""
    return hashlib.sha256(" ".join(slot).encode()).digest()[0] % BUCKETS
