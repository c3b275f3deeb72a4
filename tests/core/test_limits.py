"""The limits of a client's inbox are kept before it has to enforce them."""

from hypothesis import given
from hypothesis import strategies as st

from multifleet.core.limits import BURST, SAME_TEXT_AFTER, UNDELIVERED, OfferLimits, TokenBucket


def test_a_bucket_gives_its_burst_and_then_its_rate() -> None:
    bucket = TokenBucket(3, 0.5)
    assert [bucket.take(100.0) for _ in range(4)] == [0.0, 0.0, 0.0, 2.0]
    assert bucket.take(101.0) == 1.0
    assert bucket.take(102.0) == 0.0
    assert bucket.take(102.0) == 2.0


def test_a_clock_that_stands_or_goes_back_gives_nothing() -> None:
    bucket = TokenBucket(1, 1.0)
    assert bucket.take(50.0) == 0.0
    assert bucket.take(10.0) == 1.0
    assert bucket.take(50.5) == 0.5


@given(st.lists(st.floats(0, 10), max_size=200))
def test_no_window_has_more_than_the_burst_and_its_refill(steps: list[float]) -> None:
    bucket = TokenBucket(5, 0.5)
    now, taken = 0.0, []
    for step in steps:
        now += step
        if bucket.take(now) == 0.0:
            taken.append(now)
    for index, begin in enumerate(taken):
        for count, end in enumerate(taken[index:], 1):
            assert count <= 5 + (end - begin) * 0.5 + 1e-6


def test_the_same_text_waits_and_another_does_not() -> None:
    limits = OfferLimits()
    assert limits.take("a", 0, 0.0) == 0.0
    assert limits.take("a", 0, 10.0) == SAME_TEXT_AFTER - 10.0
    assert limits.take("b", 0, 10.0) == 0.0
    assert limits.take("a", 0, SAME_TEXT_AFTER) == 0.0


def test_a_full_queue_waits() -> None:
    limits = OfferLimits()
    assert limits.take("a", UNDELIVERED, 0.0) > 0.0
    assert limits.take("a", UNDELIVERED - 1, 0.0) == 0.0


def test_a_burst_is_spread() -> None:
    limits = OfferLimits()
    waits = [limits.take(f"text {number}", 0, 0.0) for number in range(BURST + 1)]
    assert waits[:BURST] == [0.0] * BURST and waits[BURST] == 2.0
