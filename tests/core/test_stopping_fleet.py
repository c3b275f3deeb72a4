"""Whether the whole fleet is stopped: the newest word of its captains, the same for everybody."""

from itertools import permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from multifleet.core.documents import LAST_MOMENT
from multifleet.core.issuing import make_leave, make_revocation, make_stop
from multifleet.core.roster_view import STOP_AHEAD, Stopped
from multifleet.errors import BadInput, NotCaptain
from tests.core.fleet import NOW, admits, identity, key, leaves, revokes, roster, stops

FLEET = (admits("mac1", "mac2"), admits("mac1", "mac3", 2), admits("mac1", "worker", 3, role="worker"))


def test_nobody_has_said_a_word() -> None:
    assert roster(*FLEET).view().stopped(NOW) is None


def test_the_newest_word_counts_whoever_said_it_and_in_whatever_order_it_came() -> None:
    words = [stops("mac1", 5), stops("mac2", 6, stopped=False), stops("mac3", 7)]
    for order in permutations(words):
        assert roster(*FLEET, *order).view().stopped(NOW) == Stopped("mac3", 7)
        assert roster(*FLEET, *order, stops("mac2", 8, stopped=False)).view().stopped(NOW) is None


def test_two_words_of_one_moment_mean_the_same_to_everybody() -> None:
    words = [stops("mac1", 5), stops("mac2", 5, stopped=False)]
    meant = {roster(*FLEET, *order).view().stopped(NOW) for order in permutations(words)}
    assert len(meant) == 1


def test_a_worker_stops_nobody_and_nobody_stops_after_he_is_out() -> None:
    assert roster(*FLEET, stops("worker", 9)).view().stopped(NOW) is None
    assert roster(*FLEET, stops("stranger", 9)).view().stopped(NOW) is None
    assert roster(*FLEET, stops("mac2", 9), revokes("mac1", "mac2", 10)).view().stopped(NOW) is None


def test_a_word_is_newer_than_all_others_whatever_the_clock_says() -> None:
    made = roster(*FLEET, stops("mac2", 50), stops("worker", 10**14))
    made.merge([make_stop(made, identity("mac1"), 3, stopped=False)])
    assert made.view().stopped(NOW) is None
    made.merge([make_stop(made, identity("mac1"), 3, stopped=True)])
    assert made.view().stopped(NOW) == Stopped("mac1", 52)


def test_a_worker_is_told_who_can_stop_the_fleet() -> None:
    with pytest.raises(NotCaptain, match="do it on mac1, mac2, mac3"):
        make_stop(roster(*FLEET, me="worker"), identity("worker"), 1, stopped=True)


def test_what_a_captain_said_before_it_left_counts() -> None:
    assert roster(*FLEET, stops("mac2", 9), leaves("mac2", 10)).view().stopped(NOW) == Stopped("mac2", 9)
    undone = (stops("mac1", 8), stops("mac2", 9, stopped=False), leaves("mac2", 10))
    assert roster(*FLEET, *undone).view().stopped(NOW) is None


def test_what_is_said_after_leaving_or_by_a_worker_that_left_does_not_count() -> None:
    said = (stops("mac1", 8), stops("mac2", 11, stopped=False), leaves("mac2", 10))
    assert roster(*FLEET, *said).view().stopped(NOW) == Stopped("mac1", 8)
    assert roster(*FLEET, stops("worker", 9), leaves("worker", 10)).view().stopped(NOW) is None


def test_who_was_put_out_after_it_left_says_nothing() -> None:
    said = (stops("mac2", 9), leaves("mac2", 10), revokes("mac1", "mac2", 11))
    assert roster(*FLEET, *said).view().stopped(NOW) is None


@settings(max_examples=60, deadline=None)
@given(words=st.lists(st.booleans(), min_size=1, max_size=4), ahead=st.integers(0, 5_000), data=st.data())
def test_leaving_changes_nothing_in_whatever_order_it_is_heard(
    words: list[bool], ahead: int, data: st.DataObject
) -> None:
    """Also where the clock of who leaves is behind that of what it had said."""
    made = roster(*FLEET)
    for number, stopped in enumerate(words):
        made.merge([make_stop(made, identity(f"mac{number % 2 + 1}"), NOW + ahead, stopped=stopped)])
    before = made.view().stopped(NOW)
    made.merge([make_leave(made, identity("mac2"), NOW)])
    assert "mac2" not in made.view().members
    order = data.draw(st.permutations(made.documents()))
    assert roster(*order).view().stopped(NOW) == made.view().stopped(NOW) == before


@settings(max_examples=60, deadline=None)
@given(
    words=st.lists(st.tuples(st.sampled_from(["mac1", "mac2", "mac3", "mac4"]), st.booleans()), max_size=6),
    target=st.sampled_from(["mac2", "mac3", "mac4"]),
    with_admitted=st.booleans(),
    data=st.data(),
)
def test_revoking_neither_stops_the_fleet_nor_lets_it_go_on(
    words: list[tuple[str, bool]], target: str, with_admitted: bool, data: st.DataObject
) -> None:
    made = roster(*FLEET, admits("mac2", "mac4", 4))
    for by, stopped in words:
        made.merge([make_stop(made, identity(by), NOW, stopped=stopped)])
    before = made.view().stopped(NOW) is not None
    made.merge(make_revocation(made, identity("mac1"), key(target), NOW, with_admitted=with_admitted))
    assert target not in made.view().members
    order = data.draw(st.permutations(made.documents()))
    assert roster(*order).view().stopped(NOW) == made.view().stopped(NOW)
    assert (made.view().stopped(NOW) is not None) is before


def test_revoking_says_nothing_of_a_stop_that_it_does_not_touch() -> None:
    made = roster(*FLEET, stops("mac3", 5))
    assert len(make_revocation(made, identity("mac1"), key("mac2"), NOW)) == 1
    assert len(make_revocation(made, identity("mac1"), key("mac3"), NOW)) == 2


def test_nothing_is_signed_that_would_not_count_because_the_revoker_spoke_from_far_ahead_before() -> None:
    made = roster(*FLEET, stops("mac1", LAST_MOMENT), stops("mac2", 5))
    documents = make_revocation(made, identity("mac1"), key("mac2"), NOW)
    assert len(documents) == 1
    made.merge(documents)
    assert made.view().stopped(NOW) is None, "it goes on, which is told"


def test_a_stop_from_the_end_of_time_is_passed_over_and_does_not_outdo_an_undo() -> None:
    made = roster(*FLEET, stops("mac2", LAST_MOMENT))
    assert made.view().stopped(NOW) is None
    made.merge([make_stop(made, identity("mac1"), NOW, stopped=True)])
    assert made.view().stopped(NOW) == Stopped("mac1", NOW)
    made.merge([make_stop(made, identity("mac1"), NOW, stopped=False)])
    assert made.view().stopped(NOW) is None


@pytest.mark.parametrize("ahead", [1, STOP_AHEAD - 1])
def test_a_clock_that_is_ahead_by_less_than_a_day_is_outdone(ahead: int) -> None:
    made = roster(*FLEET, stops("mac2", NOW + ahead))
    assert made.view().stopped(NOW) == Stopped("mac2", NOW + ahead)
    made.merge([make_stop(made, identity("mac1"), NOW, stopped=False)])
    assert made.view().stopped(NOW) is None


def test_an_undo_that_would_not_count_is_refused() -> None:
    with pytest.raises(BadInput, match="a whole day ahead"):
        make_stop(roster(*FLEET, stops("mac2", NOW + STOP_AHEAD)), identity("mac1"), NOW, stopped=False)
    with pytest.raises(BadInput, match="do it on another captain"):
        make_stop(roster(*FLEET, stops("mac1", LAST_MOMENT)), identity("mac1"), NOW, stopped=False)
