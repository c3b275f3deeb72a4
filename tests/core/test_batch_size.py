"""How many messages go into one request on a wire that loses some."""

from hypothesis import given
from hypothesis import strategies as st

from multifleet.core.batch_size import BatchSize
from multifleet.core.packets import BATCH_LIMIT


def test_a_new_one_is_as_large_as_a_request_may_be_and_stays_so() -> None:
    assert BatchSize().most == BatchSize().after_answer().most == BATCH_LIMIT


def test_silence_halves_what_was_sent_and_each_answer_adds_an_eighth() -> None:
    size = BatchSize().after_silence(40)
    assert size.most == 20
    assert [size.after_answer().most, size.after_answer().after_answer().most] == [22, 24]


def test_a_small_request_that_is_not_answered_says_that_less_gets_through() -> None:
    assert BatchSize().after_silence(1).most == 1


@given(st.lists(st.one_of(st.none(), st.integers(0, BATCH_LIMIT)), max_size=300))
def test_it_stays_within_a_request_and_comes_back_to_a_whole_one(history: list[int | None]) -> None:
    size = BatchSize()
    for sent in history:
        size = size.after_answer() if sent is None else size.after_silence(sent)
        assert 1 <= size.most <= BATCH_LIMIT
    for _ in range(BATCH_LIMIT):
        size = size.after_answer()
    assert size.most == BATCH_LIMIT
