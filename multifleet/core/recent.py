"""What was used last, so many of it and no more: the least recently used makes room.

Where several own what is kept, whoever holds most makes room for the others, so that nobody can push them out.
"""

from collections import Counter, OrderedDict
from collections.abc import Callable, Hashable, Iterator, Sequence
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


def _nobody(key: object) -> Hashable:
    return None


def surplus(keys: Sequence[K], most: int, owner: Callable[[K], Hashable]) -> list[K]:
    """Which of the keys, the least recently used first, are to go so that `most` are left: each time the first one of
    whoever owns most of them; of several of these, of whoever came last."""
    kept, gone = list(keys), list[K]()
    counts = Counter(map(owner, kept))
    while len(kept) > most:
        largest = max(counts.values())
        newest = owner(kept[-1])
        pays = {newest} if counts[newest] == largest > 1 else {one for one in counts if counts[one] == largest}
        place = next(place for place, key in enumerate(kept) if owner(key) in pays)
        counts[owner(kept[place])] -= 1
        gone.append(kept.pop(place))
    return gone


class Recent(Generic[K, V]):
    """A mapping of at most `most` entries; `owner` names whose a key is."""

    __slots__ = ("_entries", "_most", "_owner")

    def __init__(self, most: int, owner: Callable[[K], Hashable] = _nobody) -> None:
        self._entries: OrderedDict[K, V] = OrderedDict()
        self._most = most
        self._owner = owner

    def __iter__(self) -> Iterator[K]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, key: K) -> V | None:
        """What is there, which is thereby used; None where nothing is."""
        found = self._entries.get(key)
        if found is not None:
            self._entries.move_to_end(key)
        return found

    def put(self, key: K, value: V) -> None:
        """Set it, which is a use; where there is no room, another one goes."""
        self._entries[key] = value
        self._entries.move_to_end(key)
        for gone in surplus(list(self._entries), self._most, self._owner) if len(self) > self._most else ():
            del self._entries[gone]
