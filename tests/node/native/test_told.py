"""Which seats other machines have, as they tell."""

from typing import Any, Literal

import pytest

from multifleet.core.presence.gossip import Facts
from multifleet.core.presence.peer import Peer, PeerPresence
from multifleet.core.presence.states import PresenceState
from multifleet.core.session_cards import SessionCard
from multifleet.node.native.told import seats_of


def peer(state: PresenceState = PresenceState.ALIVE, **facts: Any) -> PeerPresence:
    told = {"version": "1", "branch": "", "commit": "", "sessions": 1, "seats": [], "load": 0.0, "disk": 0}
    return Peer("mac2", 0.0, state, facts=Facts(**told | facts)).shown()  # type: ignore[arg-type]


def card(seat: str, state: Literal["idle", "busy"] = "busy") -> SessionCard:
    return SessionCard(seat=seat, client="claude", state=state)


def test_seats_come_from_heartbeats_at_once_and_from_cards_beyond_the_first_four() -> None:
    cards = {"mac2": (card("api"), card("fifth"), card("")), "mac3": (card("other"),)}
    assert seats_of([peer(seats=["web", "api"])], cards) == {"mac2": {"api": "", "fifth": "", "web": ""}}


def test_what_is_done_on_a_seat_is_shown_while_heartbeats_and_cards_say_the_same() -> None:
    cards = {"mac2": (card("api", "idle"), card("web"))}
    assert seats_of([peer(sessions=2, doing="ib")], cards) == {"mac2": {"api": "idle", "web": "busy"}}
    for doing in ("bb", "i", ""):
        assert seats_of([peer(sessions=2, doing=doing)], cards) == {"mac2": {"api": "", "web": ""}}


def test_cards_of_sessions_that_have_ended_count_no_more() -> None:
    assert seats_of([peer(sessions=0)], {"mac2": (card("api"),)}) == {"mac2": {}}


@pytest.mark.parametrize("state", [PresenceState.DEAD, PresenceState.ASLEEP, PresenceState.LEFT])
def test_a_machine_that_is_away_tells_nothing(state: PresenceState) -> None:
    assert seats_of([peer(state, seats=["api"])], {"mac2": (card("api"),)}) == {"mac2": None}


def test_nor_does_one_that_was_not_heard_yet() -> None:
    assert seats_of([Peer("mac2", 0.0).shown()], {}) == {"mac2": None}
