"""Messages of a thread are offered in the order they were sent, and none waits for long."""

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from multifleet.core.ordering import PATIENCE, in_order, loud_first, loudness, wait_until
from multifleet.core.receipts import State


@dataclass(frozen=True, slots=True)
class Sent:
    from_: str
    thread: str | None
    n: int
    to: str = "mac2/api"


@pytest.mark.parametrize(
    ("state_of_prev", "waits"),
    [
        (None, True),  # not here yet
        (State.QUEUED, True),
        (State.SENT, True),
        (State.STORED, True),
        (State.OFFERING, True),
        (State.OFFERED, False),
        (State.HELD, False),
        (State.REFUSED, False),
        (State.SEEN, False),
        (State.ANSWERED, False),
        (State.EXPIRED, False),
        (State.UNDELIVERABLE, False),
    ],
)
def test_a_message_waits_for_the_one_before_it(state_of_prev: State | None, waits: bool) -> None:
    assert wait_until("a", state_of_prev, 100, 101) == (100 + PATIENCE if waits else None)


def test_every_state_has_its_row_above() -> None:
    mark = test_a_message_waits_for_the_one_before_it.pytestmark[0]  # type: ignore[attr-defined]
    assert {row[0] for row in mark.args[1]} == {None, *State}


def test_the_first_of_a_thread_waits_for_nothing() -> None:
    assert wait_until(None, None, 100, 100) is None


def test_no_message_waits_longer_than_five_seconds() -> None:
    assert wait_until("a", None, 100, 104.9) == 105
    assert wait_until("a", None, 100, 105) is None


def test_a_clock_that_was_set_back_makes_nothing_wait() -> None:
    assert wait_until("a", None, 100, 50) is None


def test_a_thread_is_sorted_and_others_keep_their_places() -> None:
    other = Sent("mac3", None, 1)
    came = [Sent("mac1", "t", 3), other, Sent("mac1", "t", 1), Sent("mac1", "u", 1), Sent("mac1", "t", 2)]
    assert in_order(came) == [
        Sent("mac1", "t", 1),
        other,
        Sent("mac1", "t", 2),
        Sent("mac1", "u", 1),
        Sent("mac1", "t", 3),
    ]


def test_seats_of_one_sender_have_no_order_among_each_other() -> None:
    came = [Sent("mac1/a", "t", 2), Sent("mac1/b", "t", 1)]
    assert in_order(came) == came


messages = st.builds(Sent, st.sampled_from(["a", "b"]), st.sampled_from([None, "t"]), st.integers(1, 9))


@given(st.lists(messages, max_size=30))
def test_sorting_loses_nothing_and_orders_every_thread(came: list[Sent]) -> None:
    ordered = in_order(came)
    key = repr
    assert sorted(ordered, key=key) == sorted(came, key=key)
    assert [(m.from_, m.thread) for m in ordered] == [(m.from_, m.thread) for m in came]
    for thread in {(m.from_, m.thread) for m in came}:
        numbers = [m.n for m in ordered if (m.from_, m.thread) == thread]
        assert numbers == sorted(numbers)


@given(st.sampled_from([None, *State]), st.floats(0, 10**9), st.floats(0, 10**9))
def test_the_time_to_look_again_is_ahead_and_near(state: State | None, stored_at: float, now: float) -> None:
    again = wait_until("a", state, stored_at, now)
    assert again is None or now < again <= now + PATIENCE


@dataclass(frozen=True, slots=True)
class Loud:
    n: int
    urgency: str = "next-turn"
    type: str = "context"
    thread: str | None = None
    from_: str = "mac1"
    to: str = "mac2/api"


def test_what_is_urgent_goes_before_what_may_wait_and_takes_its_own_thread_with_it() -> None:
    waits = Loud(1, "whenever", thread="a")
    earlier = Loud(1, "whenever", thread="b")
    urgent = Loud(2, "now", thread="b")
    usual = Loud(1, thread="c")
    alert = Loud(1, "whenever", type="alert", thread="d")
    assert loud_first([waits, usual, earlier, alert, urgent]) == [earlier, alert, urgent, usual, waits]
    assert [loudness(one) for one in (urgent, alert, usual, waits)] == [0, 0, 1, 2]


@given(st.lists(st.builds(Loud, st.integers(1, 9), st.sampled_from(["now", "next-turn", "whenever"]))))
def test_within_a_thread_nothing_overtakes(came: list[Loud]) -> None:
    assert loud_first(came) == came
