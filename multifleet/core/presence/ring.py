"""Whom to ping next: the successor on a ring of names, so that each death has a first witness within two periods, and
in turn everybody in a shuffled order. Every step costs the same however many there are.
"""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable

Dice = Callable[[], float]
"""A random number in [0, 1)."""


class Ring:
    """The names in their order."""

    __slots__ = ("_me", "_names")

    def __init__(self, me: str) -> None:
        self._me = me
        self._names: list[str] = []

    def add(self, name: str) -> None:
        """A name that has its turn from now on."""
        insort(self._names, name)

    def remove(self, name: str) -> None:
        """A name that has it no longer."""
        del self._names[bisect_left(self._names, name)]

    def successors(self, most: int) -> list[str]:
        """The first names after this node's own, nearest first."""
        at = bisect_right(self._names, self._me)
        found = self._names[at : at + most]
        return found + self._names[: min(at, most - len(found))]


class Shuffled:
    """Names in random order: each once in every round, and any few of them at random."""

    __slots__ = ("_dice", "_next", "_order", "_place")

    def __init__(self, dice: Dice) -> None:
        self._dice = dice
        self._order: list[str] = []
        self._place: dict[str, int] = {}
        self._next = 0

    def __len__(self) -> int:
        return len(self._order)

    def __contains__(self, name: str) -> bool:
        return name in self._place

    def add(self, name: str) -> None:
        """A name, at a random place of the round."""
        self._place[name] = len(self._order)
        self._order.append(name)
        self._swap(len(self._order) - 1, self._random())

    def remove(self, name: str) -> None:
        """A name that has no turn any more."""
        self._swap(self._place[name], len(self._order) - 1)
        self._order.pop()
        del self._place[name]

    def next(self) -> str | None:
        """Whose turn it is. The rest of the round is shuffled as it is walked, one step at a time."""
        if not self._order:
            return None
        if self._next >= len(self._order):
            self._next = 0
        left = len(self._order) - self._next
        self._swap(self._next, self._next + min(left - 1, int(self._dice() * left)))
        self._next += 1
        return self._order[self._next - 1]

    def some(self, most: int, without: tuple[str, ...] = ()) -> list[str]:
        """At most so many different names at random, none of them in `without`."""
        found: list[str] = []
        for _ in range(min(len(self._order), most * 2 + len(without))):
            name = self._order[self._random()]
            if name not in without and name not in found:
                found.append(name)
                if len(found) == most:
                    return found
        if len(self._order) <= most * 3:
            for name in self._order:
                if len(found) < most and name not in without and name not in found:
                    found.append(name)
        return found

    def _random(self) -> int:
        return min(len(self._order) - 1, int(self._dice() * len(self._order)))

    def _swap(self, a: int, b: int) -> None:
        order, place = self._order, self._place
        order[a], order[b] = order[b], order[a]
        place[order[a]], place[order[b]] = a, b
