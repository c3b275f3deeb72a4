"""How many unanswered pings mean something, and how a node comes to know what it loses."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from multifleet.core.presence.rtt import LEAST, MOST, RoundTrip
from multifleet.core.presence.suspicion import (
    LEAST_SHARE,
    MOST_SHARE,
    UNKNOWN_SHARE,
    LossEstimate,
    to_bury,
    to_suspect,
)


@pytest.mark.parametrize(
    ("share", "nodes", "suspect", "bury"),
    [(0.05, 3, 3, 8), (0.05, 30, 3, 8), (0.05, 1_000, 4, 8), (0.3, 30, 5, 16), (0.5, 30, 9, 27), (0.9, 1_000, 88, 175)],
)
def test_the_numbers_of_unanswered_pings(share: float, nodes: int, suspect: int, bury: int) -> None:
    assert (to_suspect(share, nodes), to_bury(share)) == (suspect, bury)


@given(st.floats(LEAST_SHARE, MOST_SHARE), st.integers(1, 1_000))
def test_suspicion_comes_before_death_and_both_keep_their_promise(share: float, nodes: int) -> None:
    assert to_suspect(share, nodes) < to_bury(share)
    assert nodes * share ** to_suspect(share, nodes) <= 0.1 + 1e-9
    assert share ** to_bury(share) <= 1e-8 + 1e-12


def test_a_new_node_is_careful_and_one_that_loses_nothing_is_quick_within_a_minute() -> None:
    loss = LossEstimate()
    assert loss.share == UNKNOWN_SHARE
    needed = []
    for _ in range(60):
        loss.learn(1, 0)
        needed.append(to_bury(loss.share))
    assert needed == sorted(needed, reverse=True)
    assert needed[14] <= 12 and needed[-1] == 8


@pytest.mark.parametrize("lost", [0.1, 0.3, 0.5, 0.8])
def test_the_share_is_learned_on_the_careful_side(lost: float) -> None:
    loss = LossEstimate()
    for step in range(1, 400):
        is_lost = int(step * lost) > int((step - 1) * lost)
        loss.learn(int(not is_lost), int(is_lost))
    assert lost <= loss.share <= lost + 0.1


def test_waiting_for_an_answer_follows_the_round_trips_within_bounds() -> None:
    trip = RoundTrip()
    assert trip.timeout() == MOST
    trip.learn(0.001)
    assert trip.timeout() == LEAST
    for _ in range(50):
        trip.learn(0.4)
    assert 0.4 < trip.timeout() < 0.5
    trip.learn(5.0)
    assert trip.timeout() == MOST
