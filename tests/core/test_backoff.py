"""Waits grow, and stay under their cap."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from multifleet.core.backoff import CAP_HEARD, CAP_SILENT, Backoff, after_failure

random01 = st.floats(0, 1, exclude_max=True)


@pytest.mark.parametrize(
    ("failures", "heard", "longest"),
    [
        (1, True, 0.25),
        (2, True, 0.5),
        (3, True, 1),
        (6, True, 8),
        (7, True, 10),
        (50, True, 10),
        (7, False, 16),
        (8, False, 32),
        (9, False, 60),
        (100_000, False, 60),
    ],
)
def test_each_failure_doubles_the_wait_up_to_the_cap(failures: int, heard: bool, longest: float) -> None:
    before = Backoff(attempt=failures - 1)
    assert after_failure(before, heard, 0.0).delay == longest / 2
    assert after_failure(before, heard, 0.999999).delay == pytest.approx(longest, rel=1e-5)


def test_failures_are_counted() -> None:
    backoff = after_failure(after_failure(Backoff(), True, 0.5), True, 0.5)
    assert backoff.attempt == 2


@given(st.integers(0, 10**6), st.booleans(), random01)
def test_no_wait_is_longer_than_its_cap_or_shorter_than_half_the_first(
    attempt: int, heard: bool, random: float
) -> None:
    delay = after_failure(Backoff(attempt), heard, random).delay
    assert 0.125 <= delay <= (CAP_HEARD if heard else CAP_SILENT)


@given(st.lists(st.tuples(st.booleans(), random01), max_size=40))
def test_a_wait_is_never_above_the_cap_of_its_moment(failures: list[tuple[bool, float]]) -> None:
    backoff = Backoff()
    for heard, random in failures:
        backoff = after_failure(backoff, heard, random)
        assert 0 < backoff.delay <= (CAP_HEARD if heard else CAP_SILENT)
    assert backoff.attempt == len(failures)
