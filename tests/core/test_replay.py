"""The clock by which frames are judged never goes back, and an offset is believed only from a quick answer."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from multifleet.core.replay import LOOSE, OFFSET_ANSWER_LIMIT, Offset, ReplayClock, learned_offset

seconds = st.floats(0, 4_000_000_000)


@given(seconds, seconds, st.floats(0, 10**6), st.lists(st.floats(0, 10**6), min_size=1))
def test_the_clock_starts_at_the_later_of_both_and_never_goes_back(
    wall: float, persisted: float, monotonic: float, passed: list[float]
) -> None:
    clock = ReplayClock.start(wall, persisted, monotonic)
    read = [clock.read(monotonic + later) for later in sorted(passed)]
    assert read[0] >= max(wall, persisted)
    assert read == sorted(read)


def test_a_wall_clock_that_was_stepped_back_while_the_node_was_down_changes_nothing() -> None:
    before = ReplayClock.start(10_000.0, 0.0, 5.0)
    stopped_at = before.read(65.0)
    after = ReplayClock.start(10_060.0 - 3_600, stopped_at, 1.0)
    assert after.read(1.0) == stopped_at == 10_060.0


@given(st.floats(-86_400, 86_400), st.floats(0, OFFSET_ANSWER_LIMIT), st.floats(0, 1))
def test_an_offset_is_off_by_no_more_than_half_the_round_trip(offset: float, round_trip: float, part: float) -> None:
    asked_wall, asked = 1_700_000_000.0, 50.0
    theirs = asked_wall + round_trip * part + offset
    learned = learned_offset(asked, asked + round_trip, theirs, asked_wall + round_trip)
    assert learned is not None
    assert abs(learned.seconds - offset) <= round_trip / 2 + 1e-3
    assert abs(learned.seconds - offset) <= learned.bound <= LOOSE


@given(st.floats(-86_400, 86_400), st.floats(0, OFFSET_ANSWER_LIMIT), st.floats(0, 1))
def test_nor_by_more_than_its_bound_where_the_time_comes_in_whole_seconds(
    offset: float, round_trip: float, part: float
) -> None:
    theirs = int(1_700_000_000.0 + round_trip * part + offset)
    learned = learned_offset(50.0, 50.0 + round_trip, theirs, 1_700_000_000.0 + round_trip)
    assert learned is not None
    assert abs(learned.seconds - offset) <= learned.bound + 1e-3


@pytest.mark.parametrize(
    ("new", "kept", "replaces"),
    [
        (Offset(0.2, 1.0), Offset(2.4, 3.4), True),  # a quick answer corrects what a slow one feigned
        (Offset(2.4, 3.4), Offset(0.2, 1.0), False),  # and is not overruled by the next slow one
        (Offset(0.9, 1.0), Offset(0.2, 1.0), False),
        (Offset(600.2, 3.4), Offset(0.2, 1.0), True),  # its clock was set
        (Offset(0.9, 1.0), Offset(0.2), True),
    ],
)
def test_an_offset_is_learned_anew_where_the_clock_was_set_or_the_answer_was_quicker(
    new: Offset, kept: Offset, replaces: bool
) -> None:
    assert new.replaces(kept) is replaces


@pytest.mark.parametrize(
    ("offset", "certain"),
    [
        (Offset(-0.9, 1.01), 0.0),  # a time that is cut to whole seconds
        (Offset(-1.2, 1.01), -1.2),
        (Offset(599.3, 1.01), 599.3),
        (Offset(3.0), 0.0),  # nobody knows how it was learned
    ],
)
def test_clocks_that_may_show_the_same_are_taken_to_do_so(offset: Offset, certain: float) -> None:
    assert offset.certain == certain


def test_a_slow_answer_teaches_nothing() -> None:
    assert learned_offset(0.0, OFFSET_ANSWER_LIMIT + 0.001, 0.0, 0.0) is None
    assert learned_offset(1.0, 0.5, 0.0, 0.0) is None
