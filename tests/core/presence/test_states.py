"""The table of a peer's states."""

import pytest

from multifleet.core.presence.states import PINGED, TRANSITIONS, PresenceEvent, PresenceState, mermaid

S, E = PresenceState, PresenceEvent


def test_every_state_has_a_row_and_every_event_a_place() -> None:
    assert set(TRANSITIONS) == set(S)
    assert {event for row in TRANSITIONS.values() for event in row} == set(E)


def test_only_a_suspect_can_die_of_its_silence_and_anybody_by_its_own_word() -> None:
    into_death = [(state, event) for state, row in TRANSITIONS.items() for event in row if row[event] is S.DEAD]
    of_silence = [(state, event) for state, event in into_death if event is not E.STOPS]
    assert of_silence == [(S.SUSPECT, E.VERIFIED)]
    assert [state for state, event in into_death if event is E.STOPS] == [S.ALIVE, S.SUSPECT, S.DEAD, S.ASLEEP]
    assert [state for state, row in TRANSITIONS.items() if S.SUSPECT in row.values()] == [S.ALIVE, S.LEFT]


@pytest.mark.parametrize("state", [S.DEAD, S.ASLEEP])
def test_the_dead_and_the_sleepers_come_back_by_their_own_fresh_word_alone(state: PresenceState) -> None:
    assert [event for event, after in TRANSITIONS[state].items() if after in PINGED] == [E.ANSWERED]


def test_the_diagram_has_an_arrow_for_every_change() -> None:
    changes = [(state, after) for state, row in TRANSITIONS.items() for after in row.values() if after is not state]
    assert mermaid().count("-->") == len(changes) + 1
    assert "    suspect --> dead: r pings and an HTTP request unanswered\n" in mermaid()
