"""The states of a peer, and every way in which one follows another. The diagram in COMMS-PROTOCOL.md is printed from
this table.

`suspect` and `dead` rest on this node's own unanswered pings or on what the peer itself signed, never on another node's
word.
"""

from collections.abc import Mapping
from enum import StrEnum


class PresenceState(StrEnum):
    """How a peer is, as this node knows it."""

    ALIVE = "alive"
    SUSPECT = "suspect"
    DEAD = "dead"
    ASLEEP = "asleep"
    LEFT = "left"


class PresenceEvent(StrEnum):
    """What happened."""

    ANSWERED = "fresh word of its own"
    REFUTED = "its signed statement with a higher incarnation"
    UNANSWERED = "m pings unanswered"
    VERIFIED = "r pings and an HTTP request unanswered"
    SLEEPS = "says that it goes to sleep"
    STOPS = "says that it stops"
    REMOVED = "no member any more"
    ADMITTED = "member again"


_S, _E = PresenceState, PresenceEvent

TRANSITIONS: Mapping[PresenceState, Mapping[PresenceEvent, PresenceState]] = {
    _S.ALIVE: {
        _E.ANSWERED: _S.ALIVE,
        _E.REFUTED: _S.ALIVE,
        _E.UNANSWERED: _S.SUSPECT,
        _E.SLEEPS: _S.ASLEEP,
        _E.STOPS: _S.DEAD,
        _E.REMOVED: _S.LEFT,
    },
    _S.SUSPECT: {
        _E.ANSWERED: _S.ALIVE,
        _E.REFUTED: _S.ALIVE,
        _E.VERIFIED: _S.DEAD,
        _E.SLEEPS: _S.ASLEEP,
        _E.STOPS: _S.DEAD,
        _E.REMOVED: _S.LEFT,
    },
    _S.DEAD: {
        _E.ANSWERED: _S.ALIVE,
        _E.SLEEPS: _S.ASLEEP,
        _E.STOPS: _S.DEAD,
        _E.REMOVED: _S.LEFT,
    },
    _S.ASLEEP: {
        _E.ANSWERED: _S.ALIVE,
        _E.SLEEPS: _S.ASLEEP,
        _E.STOPS: _S.DEAD,
        _E.REMOVED: _S.LEFT,
    },
    _S.LEFT: {
        _E.ADMITTED: _S.SUSPECT,
    },
}

PINGED = (PresenceState.ALIVE, PresenceState.SUSPECT)
"""The states in which a peer has its turn in every round."""


def mermaid() -> str:
    """The diagram of all changes of state, as COMMS-PROTOCOL.md shows it."""
    lines = ["stateDiagram-v2", f"    [*] --> {PresenceState.SUSPECT}: {PresenceEvent.ADMITTED.replace(' again', '')}"]
    for state, row in TRANSITIONS.items():
        lines += [f"    {state} --> {after}: {event}" for event, after in row.items() if after is not state]
    return "\n".join(lines) + "\n"
