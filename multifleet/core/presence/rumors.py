"""Rumors and documents on their way: each rides on a few packets of this node (about 3·log2 N) and then rests.

Bounded: of many, those that were sent least go first, and those that were sent most are dropped first. One word about a
node replaces the older one of the same kind.
"""

from dataclasses import dataclass
from math import ceil, log2

from multifleet.core import packets
from multifleet.core.presence.gossip import DOCUMENTS_LIMIT, RUMORS_LIMIT, Document, Rumor

KEPT = 256
SPREAD = 3


@dataclass(slots=True)
class _Riding:
    item: Rumor | Document
    size: int
    sent: int = 0


class RumorQueue:
    """What this node passes on."""

    __slots__ = ("_riding",)

    def __init__(self) -> None:
        self._riding: dict[tuple[str, str], _Riding] = {}

    def __len__(self) -> int:
        return len(self._riding)

    def add(self, item: Rumor | Document) -> None:
        """Something that this node has just heard or says itself."""
        if isinstance(item, Rumor):
            key = ("suspect" if item.word == "suspect" else "state", item.about)
        else:
            key = ("document", item.signature)
        self._riding.pop(key, None)
        if len(self._riding) >= KEPT:
            del self._riding[max(self._riding, key=lambda one: self._riding[one].sent)]
        self._riding[key] = _Riding(item, len(packets.write(item)) + 1)

    def drop(self, about: str) -> None:
        """Forget the suspicion of a node; it was refuted, or is settled."""
        self._riding.pop(("suspect", about), None)

    def take(self, room: int, nodes: int) -> tuple[list[Rumor], list[Document]]:
        """What rides on the next packet that has so many bytes left, in a fleet of so many nodes."""
        rumors: list[Rumor] = []
        documents: list[Document] = []
        if not self._riding:
            return rumors, documents
        most = SPREAD * ceil(log2(nodes + 1))
        for key in sorted(self._riding, key=lambda one: self._riding[one].sent):
            riding = self._riding[key]
            if riding.size > room:
                continue
            if isinstance(riding.item, Rumor):
                if len(rumors) == RUMORS_LIMIT:
                    continue
                rumors.append(riding.item)
            else:
                if len(documents) == DOCUMENTS_LIMIT:
                    continue
                documents.append(riding.item)
            room -= riding.size
            riding.sent += 1
            if riding.sent >= most:
                del self._riding[key]
        return rumors, documents
