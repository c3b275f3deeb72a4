"""At most one attempt in twenty is hedged."""

from hypothesis import given
from hypothesis import strategies as st

from multifleet.core.hedging import ATTEMPTS_FOR_A_HEDGE, HEDGES_KEPT, HedgeBudget


def test_the_twentieth_attempt_is_the_first_that_may_be_hedged() -> None:
    budget, allowed = HedgeBudget(), []
    for _ in range(60):
        budget, may = budget.take()
        allowed.append(may)
    assert [number for number, may in enumerate(allowed, start=1) if may] == [20, 40, 60]


def test_a_hedge_that_was_not_needed_is_kept_for_the_next_attempt() -> None:
    budget = HedgeBudget(ATTEMPTS_FOR_A_HEDGE - 1)
    budget, first = budget.take()
    budget, second = budget.give_back().take()
    assert (first, second) == (True, True)


def test_only_a_few_hedges_are_saved_up() -> None:
    budget = HedgeBudget()
    for _ in range(10_000):
        budget, may = budget.take()
        budget = budget.give_back() if may else budget
    hedges = 0
    while True:
        budget, may = budget.take()
        if not may:
            break
        hedges += 1
    assert hedges == HEDGES_KEPT


@given(st.lists(st.booleans(), max_size=300))
def test_never_more_than_one_attempt_in_twenty_is_hedged(needed: list[bool]) -> None:
    budget, hedges = HedgeBudget(), 0
    for attempts, need in enumerate(needed, start=1):
        budget, may = budget.take()
        if may and need:
            hedges += 1
        elif may:
            budget = budget.give_back()
        assert hedges * ATTEMPTS_FOR_A_HEDGE <= attempts
