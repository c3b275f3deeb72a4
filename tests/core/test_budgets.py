"""What agents may say to each other in a day."""

from hypothesis import given
from hypothesis import strategies as st

from multifleet.core.budgets import DAY, Key, Limits, Spent, too_many_hops

LIMITS = Limits(hops=3, thread=2, day=12)
ONE: Key = ("api", "mac2", "")


def test_so_many_answers_in_a_row_and_no_more() -> None:
    assert too_many_hops(3, LIMITS) is None
    assert too_many_hops(4, LIMITS) == (
        "it would be answer number 4 in a row without a person, and 3 are allowed (budgets.hops)"
    )


def test_a_conversation_has_its_own_budget() -> None:
    spent = Spent(LIMITS)
    for _ in range(2):
        assert spent.refusal(ONE, 0, {}) is None
        spent.took(ONE, 0)
    assert "without a thread" in (spent.refusal(ONE, 0, {}) or "")
    assert spent.refusal(("api", "mac2", "t"), 0, {}) is None
    assert spent.refusal(("web", "mac2", ""), 0, {}) is None


def test_what_is_taken_and_not_counted_yet_counts() -> None:
    assert Spent(LIMITS).refusal(ONE, 0, {ONE: 1}) is None
    assert Spent(LIMITS).refusal(ONE, 0, {ONE: 2}) is not None
    assert "budgets.day" in (Spent(LIMITS).refusal(ONE, 0, {("api", "x", ""): 12}) or "")


def test_one_machine_spends_no_more_than_a_quarter_of_a_seats_day() -> None:
    spent = Spent(LIMITS)
    for thread in ("a", "b", "c"):
        assert spent.refusal(("api", "mac2", thread), 0, {}) is None
        spent.took(("api", "mac2", thread), 0)
    assert spent.refusal(("api", "mac2", "d"), 0, {}) == (
        "mac2 has sent 3 messages to api today, its share of what all agents may, and no more are taken (budgets.day)"
    )
    assert spent.refusal(("api", "mac3", "a"), 0, {}) is None
    assert spent.refusal(("web", "mac2", "a"), 0, {}) is None
    assert spent.refusal(("api", "mac2", "d"), DAY, {}) is None
    waiting = {("api", "mac4", "a"): 2, ("api", "mac4", "b"): 1}
    assert "its share" in (spent.refusal(("api", "mac4", "c"), 0, waiting) or "")


def test_a_share_is_at_least_one_message() -> None:
    assert [Limits(hops=1, thread=1, day=day).share for day in (1, 3, 4, 8, 1_000)] == [1, 1, 1, 2, 250]


def test_a_new_day_begins_with_nothing_spent() -> None:
    spent = Spent(LIMITS)
    for _ in range(2):
        spent.took(ONE, DAY - 1)
    assert spent.refusal(ONE, DAY - 1, {}) is not None
    assert spent.refusal(ONE, DAY, {}) is None


@given(st.lists(st.tuples(st.sampled_from(["api", "web"]), st.sampled_from("abcde"), st.sampled_from(["", "t"]))))
def test_no_budget_is_exceeded_and_a_restart_forgets_nothing(sent: list[Key]) -> None:
    spent, taken = Spent(LIMITS), []
    for key in sent:
        if spent.refusal(key, 0, {}) is None:
            spent.took(key, 0)
            taken.append(key)
        again = Spent(LIMITS)
        again.restore(*spent.kept(), 0)
        assert again.refusal(key, 0, {}) == spent.refusal(key, 0, {})
    for seat in ("api", "web"):
        assert sum(key[0] == seat for key in taken) <= LIMITS.day
        for node in "abcde":
            assert sum(key[:2] == (seat, node) for key in taken) <= LIMITS.share
    assert all(taken.count(key) <= LIMITS.thread for key in taken)


def test_what_was_counted_yesterday_is_not_taken_up() -> None:
    spent = Spent(LIMITS)
    spent.took(ONE, 0)
    again = Spent(LIMITS)
    again.restore(*spent.kept(), DAY)
    assert again.kept()[1] == []
