"""Whether the whole fleet is stopped: the newest word of its captains, the same for everybody."""

from itertools import permutations

import pytest

from multifleet.core.issuing import make_stop
from multifleet.core.roster_view import Stopped
from multifleet.errors import NotCaptain
from tests.core.fleet import admits, identity, leaves, revokes, roster, stops

FLEET = (admits("mac1", "mac2"), admits("mac1", "mac3", 2), admits("mac1", "worker", 3, role="worker"))


def test_nobody_has_said_a_word() -> None:
    assert roster(*FLEET).view().stopped is None


def test_the_newest_word_counts_whoever_said_it_and_in_whatever_order_it_came() -> None:
    words = [stops("mac1", 5), stops("mac2", 6, stopped=False), stops("mac3", 7)]
    for order in permutations(words):
        assert roster(*FLEET, *order).view().stopped == Stopped("mac3", 7)
        assert roster(*FLEET, *order, stops("mac2", 8, stopped=False)).view().stopped is None


def test_two_words_of_one_moment_mean_the_same_to_everybody() -> None:
    words = [stops("mac1", 5), stops("mac2", 5, stopped=False)]
    meant = {roster(*FLEET, *order).view().stopped for order in permutations(words)}
    assert len(meant) == 1


def test_a_worker_stops_nobody_and_nobody_stops_after_he_is_out_or_gone() -> None:
    assert roster(*FLEET, stops("worker", 9)).view().stopped is None
    assert roster(*FLEET, stops("stranger", 9)).view().stopped is None
    assert roster(*FLEET, stops("mac2", 9), revokes("mac1", "mac2", 10)).view().stopped is None
    assert roster(*FLEET, stops("mac2", 9), leaves("mac2", 10)).view().stopped is None


def test_a_word_is_newer_than_all_others_whatever_the_clock_says() -> None:
    made = roster(*FLEET, stops("mac2", 50), stops("worker", 10**14))
    made.merge([make_stop(made, identity("mac1"), 3, stopped=False)])
    assert made.view().stopped is None
    made.merge([make_stop(made, identity("mac1"), 3, stopped=True)])
    assert made.view().stopped == Stopped("mac1", 52)


def test_a_worker_is_told_who_can_stop_the_fleet() -> None:
    with pytest.raises(NotCaptain, match="do it on mac1, mac2, mac3"):
        make_stop(roster(*FLEET, me="worker"), identity("worker"), 1, stopped=True)
