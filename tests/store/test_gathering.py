from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from multifleet.store.gathering import runs, runs_after, runs_first


@runs_first
def add(connection: object, arguments: Sequence[Any]) -> Sequence[Any]:
    return arguments


@runs_after
def note(connection: object, arguments: Sequence[Any]) -> Sequence[Any]:
    return arguments


@runs_after
def mark(connection: object, arguments: Sequence[Any]) -> Sequence[Any]:
    return arguments


def reopen(connection: object, arguments: Sequence[Any]) -> Sequence[Any]:
    return arguments


@dataclass(frozen=True)
class Call:
    write: Any
    n: int


def order(*writes: Any) -> list[tuple[Any, list[int]]]:
    made = runs([Call(write, n) for n, write in enumerate(writes)])
    return [(run[0].write, [call.n for call in run]) for run in made]


def test_calls_that_come_in_turns_become_one_run_each_with_the_additions_first() -> None:
    assert order(note, add, mark, note, add) == [(add, [1, 4]), (note, [0, 3]), (mark, [2])]


def test_nothing_moves_across_a_write_that_keeps_its_place() -> None:
    assert order(note, reopen, reopen, add, note) == [
        (note, [0]),
        (reopen, [1, 2]),
        (add, [3]),
        (note, [4]),
    ]


@given(st.lists(st.sampled_from([add, note, mark, reopen])))
def test_every_call_runs_once_and_calls_of_one_write_keep_their_order(writes: list[Any]) -> None:
    made = runs([Call(write, n) for n, write in enumerate(writes)])
    assert sorted(call.n for run in made for call in run) == list(range(len(writes)))
    for write in (add, note, mark, reopen):
        numbers = [call.n for run in made for call in run if call.write is write]
        assert numbers == sorted(numbers)
