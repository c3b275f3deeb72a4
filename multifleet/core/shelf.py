"""A bounded place for documents of one kind, of which no single signer can take more than its share.

Without that, a member gone bad could fill everybody's roster with junk before the revocation that puts it out.
"""

from collections.abc import Container, Iterator

from multifleet.core.documents import Document

DOCUMENTS = 4_096
WEIGHT = 2_048
"""Characters that a document counts at least, so that the product bounds both their number and their text."""
ROOM = DOCUMENTS * WEIGHT
CARDS_OF_ONE = 4
"""Cards of one key, which has one name at a time: its newest ones."""
WORDS_OF_ONE = 2_048
"""Admissions that one captain can sign, and revocations: of more, its oldest are kept, so that nobody whom it has let
in falls out because it lets in more."""


class Shelf:
    """The newest document of each slot."""

    def __init__(self, room: int, most_of_one: int = DOCUMENTS, *, oldest: bool = False) -> None:
        """`most_of_one`: of each signer only so many are kept, the newest or the `oldest`, wherever all were met."""
        self._keep_oldest = oldest
        self._room = room
        self._most_of_one = most_of_one
        self._counts: dict[str, int] = {}
        self._slots: dict[tuple[str, ...], Document] = {}
        self._taken = 0
        self._shares: dict[str, int] = {}

    def __iter__(self) -> Iterator[Document]:
        return iter(self._slots.values())

    def __len__(self) -> int:
        return len(self._slots)

    def get(self, slot: tuple[str, ...]) -> Document | None:
        """What is held in a slot."""
        return self._slots.get(slot)

    def is_full_for(self, document: Document) -> bool:
        """Whether something would have to go to make room for this one."""
        held = self._slots.get(document.slot)
        return self._taken - (_weight(held) if held else 0) + _weight(document) > self._room

    def put(self, document: Document, entitled: Container[str]) -> list[Document] | None:
        """Keep it and say what had to go for it; None where there is no room.

        `entitled` are signers whose word counts: for them others' documents go first, then those of whoever has most.
        """
        held = self._slots.get(document.slot)
        gone = [self._take(held)] if held else []
        if self._counts.get(document.by, 0) >= self._most_of_one:
            others = (other for other in self._slots.values() if other.by == document.by)
            worst = max(others, key=_age) if self._keep_oldest else min(others, key=_age)
            if (_age(document) < _age(worst)) is not self._keep_oldest:
                return None
            gone.append(self._take(worst))
        while self._taken + _weight(document) > self._room:
            victim = self._victim(document, entitled)
            if victim is None:
                for each in gone:
                    self._add(each)
                return None
            gone.append(self._take(victim))
        self._add(document)
        return gone

    def _victim(self, document: Document, entitled: Container[str]) -> Document | None:
        if document.by not in entitled:
            return None
        strangers = {signer for signer in self._shares if signer not in entitled}
        if strangers:
            return max((held for held in self._slots.values() if held.by in strangers), key=_age)
        signer, share = max(self._shares.items(), key=lambda pair: (pair[1], pair[0]))
        if share <= self._shares.get(document.by, 0) + _weight(document):
            return None
        return max((held for held in self._slots.values() if held.by == signer), key=_age)

    def _add(self, document: Document) -> None:
        self._slots[document.slot] = document
        self._taken += _weight(document)
        self._shares[document.by] = self._shares.get(document.by, 0) + _weight(document)
        self._counts[document.by] = self._counts.get(document.by, 0) + 1

    def _take(self, document: Document) -> Document:
        del self._slots[document.slot]
        self._taken -= _weight(document)
        self._shares[document.by] -= _weight(document)
        if not self._shares[document.by]:
            del self._shares[document.by]
        self._counts[document.by] -= 1
        if not self._counts[document.by]:
            del self._counts[document.by]
        return document


def _weight(document: Document) -> int:
    return max(WEIGHT, len(document.signed.text))


def _age(document: Document) -> tuple[int, str]:
    return document.at, document.id
