"""The replay window takes each count once, in any order within 64, and nothing older."""

from hypothesis import given
from hypothesis import strategies as st

from multifleet.core.replay_window import WIDTH, ReplayWindow


@given(st.lists(st.integers(0, 300), max_size=300))
def test_it_agrees_with_a_set_of_all_counts_that_were_seen(counts: list[int]) -> None:
    window, seen = ReplayWindow(), set[int]()
    for count in counts:
        new = count not in seen and count > max(seen, default=-1) - WIDTH
        assert window.accept(count) is new
        seen.add(count)


def test_a_jump_far_ahead_costs_nothing_and_leaves_nothing_behind() -> None:
    window = ReplayWindow()
    assert window.accept(0) and window.accept(10**15)
    assert not window.accept(0) and not window.accept(10**15) and not window.accept(10**15 - WIDTH)
    assert window.accept(10**15 - WIDTH + 1)
