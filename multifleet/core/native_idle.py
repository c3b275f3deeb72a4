"""What to answer a session that wants to be told when a remote seat is idle: the truth, or that nobody will tell."""

from collections.abc import Iterable
from dataclasses import dataclass

ASK_FIRST, ASK_LAST = 2.0, 30.0
"""Seconds between two questions to the seat's machine: at first, and after a while."""
LONGEST = 12 * 3600.0
"""Seconds after which the client itself has given up waiting."""


@dataclass(frozen=True, slots=True)
class At:
    """What one session on the seat does, and for how many seconds, where that is known."""

    state: str
    seconds: float | None


@dataclass(frozen=True, slots=True)
class Verdict:
    """idle, exited or unavailable; and when the session came to rest, in wall-clock seconds, where that is known."""

    state: str
    finished_at: float | None = None


def verdict(sessions: Iterable[At] | None, *, was_there: bool, now: float) -> Verdict | None:
    """What is to be told now; None: it is still at work. `sessions` is None where the machine does not answer, and
    `was_there` says whether it told of a session on the seat before."""
    if sessions is None:
        return Verdict("unavailable")
    found = list(sessions)
    if not found:
        return Verdict("exited" if was_there else "unavailable")
    idle = [one for one in found if one.state == "idle"]
    if not idle:
        return None
    spans = [one.seconds for one in idle if one.seconds is not None]
    return Verdict("idle", now - min(spans) if spans else None)


def next_question(asked: int) -> float:
    """Seconds until the next question, after so many."""
    return float(min(ASK_LAST, ASK_FIRST * 2 ** min(asked, 10)))
