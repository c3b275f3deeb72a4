"""The roster: a set of signed documents that only grows, and its meaning.

Two rosters that have exchanged everything are equal, in whatever order that happened. A document that cannot be
understood yet, because its signer is not known, is kept until it can. Nothing here has been told the time.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from multifleet.core.documents import BadDocument, Document, Kind, Signed, look, verify
from multifleet.core.roster_view import Anchor, Dispute, How, MemberFacts, Out, View, by_seniority, compute

__all__ = ["Anchor", "Dispute", "How", "MemberFacts", "Merged", "Out", "Refused", "Roster", "View", "by_seniority"]

KIND_LIMIT = 4_096
"""Documents of each kind."""
BYTES_LIMIT = 8 * 1024 * 1024
"""Bytes of the documents of each kind."""
BUCKETS = 64


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
    refused: tuple[Refused, ...]


class Roster:
    """The documents of one fleet as one node has them."""

    def __init__(self, fleet: str, me: str, anchors: Mapping[str, Anchor]) -> None:
        """`me` is this node's Ed25519 key in hex; `anchors` are by key."""
        self.fleet = fleet
        self.me = me
        self._anchors = dict(anchors)
        self._held: dict[tuple[str, ...], Document] = {}
        self._known: set[Signed] = set()
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
            self._view = None

    def merge(self, documents: Iterable[Signed]) -> Merged:
        """Take what is new; what is held already, or older than what is held, is passed over in silence."""
        new: list[Document] = []
        refused: list[Refused] = []
        for signed in documents:
            if signed in self._known:
                continue
            try:
                document = look(signed, self.fleet)
                held = self._held.get(document.slot)
                if held and not document.is_newer_than(held):
                    continue
                verify(document)
            except BadDocument as error:
                refused.append(Refused(signed, str(error)))
                continue
            if self._keep(document):
                new.append(document)
            else:
                refused.append(Refused(signed, f"this roster is full: {KIND_LIMIT} documents of this kind"))
        if new:
            self._view = self._digests = None
        return Merged(tuple(new), tuple(refused))

    def documents(self, buckets: Iterable[int] | None = None) -> list[Signed]:
        """All documents, or those of some buckets, in an order that depends on nothing else."""
        wanted = None if buckets is None else set(buckets)
        kept = [held for held in self._held.values() if wanted is None or bucket(held.slot) in wanted]
        return [held.signed for held in sorted(kept, key=lambda held: held.id)]

    def held(self, kind: Kind, key: str) -> list[Document]:
        """The documents of one kind about one key."""
        return [held for held in self._held.values() if held.kind == kind and held.key == key]

    def held_by(self, kind: Kind, by: str) -> list[Document]:
        """The documents of one kind that one key signed."""
        return [held for held in self._held.values() if held.kind == kind and held.by == by]

    def buckets(self) -> list[str]:
        """64 digests of 8 hex digits: where two rosters differ is seen by comparing these."""
        return [digest.hex()[:8] for digest in self._bucket_digests()]

    def digest(self) -> str:
        """16 hex digits over everything: equal where two rosters hold the same documents."""
        return hashlib.sha256(b"".join(self._bucket_digests())).hexdigest()[:16]

    def view(self) -> View:
        """What the documents mean; worked out once for each change."""
        if self._view is None:
            self._view = compute(self.me, self._anchors, self._held.values())
        return self._view

    def _keep(self, document: Document) -> bool:
        held = self._held.get(document.slot)
        if held:
            self._known.discard(held.signed)
        elif sum(other.kind == document.kind for other in self._held.values()) >= KIND_LIMIT:
            return False
        self._held[document.slot] = document
        self._known.add(document.signed)
        return True

    def _bucket_digests(self) -> list[bytes]:
        if self._digests is None:
            names: list[list[str]] = [[] for _ in range(BUCKETS)]
            for held in self._held.values():
                names[bucket(held.slot)].append(held.id)
            self._digests = [hashlib.sha256("".join(sorted(each)).encode()).digest() for each in names]
        return self._digests


def bucket(slot: tuple[str, ...]) -> int:
    """In which bucket documents of this slot are: newer ones are where the older were."""
    return hashlib.sha256(" ".join(slot).encode()).digest()[0] % BUCKETS
