"""Whose turn it is: the ring and the shuffled round, while names come and go."""

import random

from hypothesis import given
from hypothesis import strategies as st

from multifleet.core.presence.ring import Ring, Shuffled

NAMES = st.lists(st.sampled_from("abcdefghijklmno"), unique=True)


@given(NAMES, st.sampled_from("abcdefghijklmnop"), st.integers(1, 20))
def test_successors_are_the_next_names_around_the_ring(names: list[str], me: str, most: int) -> None:
    ring = Ring(me)
    for name in names:
        if name != me:
            ring.add(name)
    others = sorted(set(names) - {me})
    around = [name for name in others if name > me] + [name for name in others if name < me]
    assert ring.successors(most) == around[:most]


def test_who_is_removed_from_the_ring_has_no_turn() -> None:
    ring = Ring("b")
    for name in "acd":
        ring.add(name)
    ring.remove("c")
    assert ring.successors(8) == ["d", "a"]


@given(st.integers(1, 40), st.integers(0, 2**32))
def test_everybody_has_one_turn_in_each_round(count: int, seed: int) -> None:
    names = [str(number) for number in range(count)]
    turns = Shuffled(random.Random(seed).random)
    for name in names:
        turns.add(name)
    for _ in range(3):
        assert sorted(turns.next() or "" for _ in names) == sorted(names)


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 9))), st.integers(0, 2**32))
def test_names_come_and_go_between_turns(steps: list[tuple[bool, int]], seed: int) -> None:
    turns, there = Shuffled(random.Random(seed).random), set[str]()
    for add, number in steps:
        name = str(number)
        if add and name not in there:
            turns.add(name)
            there.add(name)
        elif not add and name in there:
            turns.remove(name)
            there.remove(name)
        assert len(turns) == len(there) and (turns.next() in there if there else turns.next() is None)
        some = turns.some(3, ("0",))
        assert len(some) == len(set(some)) == min(3, len(there - {"0"})) and set(some) <= there - {"0"}


def test_the_order_changes_from_round_to_round() -> None:
    turns = Shuffled(random.Random(1).random)
    for number in range(20):
        turns.add(str(number))
    rounds = [tuple(turns.next() for _ in range(20)) for _ in range(5)]
    assert len(set(rounds)) == 5
