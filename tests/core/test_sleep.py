"""Each sleep ends once, whoever says so first, and a clock that is set is no sleep where there is a better one."""

import pytest
from hypothesis import given
from hypothesis import strategies as some

from multifleet.core.sleep import GIVEN_UP_AFTER, LEAST, LEAST_BY_WALL, Reading, SleepLog, slept_between


@pytest.mark.parametrize(
    ("running", "through", "least", "expected"),
    [
        (1.0, 1.0, LEAST, 0.0),
        (1.0, 1.5, LEAST, 0.0),  # the clocks were read one after the other
        (1.0, 3.0, LEAST, 2.0),
        (1.0, 28_801.0, LEAST, 28_800.0),
        (10.0, 0.0, LEAST, 0.0),  # the wall clock was set back
        (1.0, 21.0, LEAST_BY_WALL, 0.0),  # it was set a little ahead
        (1.0, 3_601.0, LEAST_BY_WALL, 3_600.0),
    ],
)
def test_sleep_is_what_one_clock_has_and_the_other_has_not(
    running: float, through: float, least: float, expected: float
) -> None:
    before = Reading(100.0, 1_000.0, least)
    after = Reading(100.0 + running, 1_000.0 + through, least)
    assert slept_between(before, after) == pytest.approx(expected)


def test_a_sleep_that_nobody_announced_is_seen_afterwards_and_once() -> None:
    log = SleepLog(Reading(0.0, 0.0))
    assert log.passed(Reading(1.0, 1.0)) is None
    assert log.passed(Reading(2.0, 602.0)) == 600.0
    assert log.passed(Reading(3.0, 603.0)) is None
    assert log.resumed(Reading(3.1, 603.1)) is None, "the system's word comes late and says nothing new"


def test_an_announced_sleep_ends_with_the_systems_word() -> None:
    log = SleepLog(Reading(0.0, 0.0))
    log.announced(Reading(1.0, 1.0))
    assert log.is_announced
    assert log.passed(Reading(2.0, 2.0)) is None
    assert log.resumed(Reading(3.0, 63.0)) == 60.0
    assert not log.is_announced
    assert log.passed(Reading(4.0, 64.0)) is None


def test_whoever_notices_first_ends_an_announced_sleep() -> None:
    log = SleepLog(Reading(0.0, 0.0))
    log.announced(Reading(1.0, 1.0))
    assert log.passed(Reading(2.0, 62.0)) == 60.0
    assert log.resumed(Reading(2.1, 62.1)) is None


def test_a_sleep_that_was_called_off_ends_without_having_been() -> None:
    log = SleepLog(Reading(0.0, 0.0))
    log.announced(Reading(1.0, 1.0))
    assert log.resumed(Reading(2.0, 2.0)) == 0.0
    log.announced(Reading(10.0, 10.0))
    assert log.passed(Reading(10.0 + GIVEN_UP_AFTER - 1, 69.0)) is None
    assert log.passed(Reading(10.0 + GIVEN_UP_AFTER, 70.0)) == 0.0
    assert not log.is_announced


@given(some.lists(some.tuples(some.sampled_from(["passed", "resumed", "announced"]), some.integers(0, 50),
                              some.integers(0, 1) | some.integers(2, 100_000))))  # fmt: skip
def test_no_sleep_is_lost_and_none_is_told_twice(steps: list[tuple[str, int, int]]) -> None:
    log = SleepLog(Reading(0.0, 0.0))
    running = through = told = slept = 0.0
    for word, awake, asleep in steps:
        asleep = asleep if asleep >= LEAST else 0
        running += awake
        through += awake + asleep
        slept += asleep
        if word == "announced":
            told += log.passed(Reading(running, through)) or 0.0  # it runs once a second
            log.announced(Reading(running, through))
        else:
            told += getattr(log, word)(Reading(running, through)) or 0.0
    told += log.passed(Reading(running, through)) or 0.0
    assert told == pytest.approx(slept)
