"""Things to do at a moment, the earliest first. Time arrives as an argument."""

from collections.abc import Callable, Iterator
from heapq import heappop, heappush

Job = Callable[[float], None]


class Timers:
    """Jobs by their moments. A job that has lost its point must find that out itself when it runs."""

    __slots__ = ("_heap", "_order")

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Job]] = []
        self._order = 0

    def __len__(self) -> int:
        return len(self._heap)

    def at(self, moment: float, job: Job) -> None:
        """Do this then."""
        self._order += 1
        heappush(self._heap, (moment, self._order, job))

    @property
    def next(self) -> float:
        """The earliest moment; infinite where there is nothing to do."""
        return self._heap[0][0] if self._heap else float("inf")

    def due(self, now: float) -> Iterator[Job]:
        """The jobs whose moment has come; those that they add for later are not among them."""
        while self._heap and self._heap[0][0] <= now:
            yield heappop(self._heap)[2]
