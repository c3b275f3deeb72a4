"""Puts the calls of one batch into few runs of the same write; each run is then a few large SQL statements.

Calls that come in turns (add, note, add, note, ...) would else be many small ones. A write that is marked
here may change places with others: `runs_first` with all that were handed over before it, `runs_after` with
its like. An unmarked write keeps its place, and nothing is moved across it.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol, TypeVar

AnyWrite = Callable[..., Sequence[Any]]
W = TypeVar("W", bound=AnyWrite)


class HasWrite(Protocol):
    """What is gathered."""

    @property
    def write(self) -> AnyWrite:
        """The function that is to be called."""


C = TypeVar("C", bound=HasWrite)

_first: set[AnyWrite] = set()
_after: set[AnyWrite] = set()


def runs_first(write: W) -> W:
    """Marks a write that only adds rows: nothing handed over before can depend on coming first."""
    _first.add(write)
    return write


def runs_after(write: W) -> W:
    """Marks a write whose effect is the same in whatever order it runs with others so marked."""
    _after.add(write)
    return write


def runs(batch: Iterable[C]) -> list[list[C]]:
    """The batch as runs, each of one write, whose calls keep their order."""
    made: list[list[C]] = []
    early: dict[AnyWrite, list[C]] = {}
    late: dict[AnyWrite, list[C]] = {}
    for call in batch:
        write = call.write
        if write in _first:
            early.setdefault(write, []).append(call)
        elif write in _after:
            late.setdefault(write, []).append(call)
        else:
            made += [*early.values(), *late.values()]
            early, late = {}, {}
            if made and made[-1][0].write == write:
                made[-1].append(call)
            else:
                made.append([call])
    return [*made, *early.values(), *late.values()]
