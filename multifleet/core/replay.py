"""The replay clock: the one by which frames are judged to be from now.

It starts at the wall clock or where it was left, whichever is later, then runs on the monotonic clock: a wall clock
that is stepped back does not open the door to old frames again.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ReplayClock:
    """Started once per process."""

    started_at: float
    monotonic_then: float

    @classmethod
    def start(cls, wall: float, persisted: float, monotonic: float) -> "ReplayClock":
        """A clock from the wall time, the last persisted reading of this clock, and the monotonic time."""
        return cls(max(wall, persisted), monotonic)

    def read(self, monotonic: float) -> float:
        """Seconds."""
        return self.started_at + (monotonic - self.monotonic_then)


OFFSET_ANSWER_LIMIT = 5.0
"""Seconds within which an answer must be back for its time to be believed."""


def learned_offset(asked: float, answered: float, their_time: float, now: float) -> float | None:
    """Their clock minus ours, in seconds, from an answer to our own open request; None if it was too slow to tell.

    `asked` and `answered` are monotonic, `now` is our wall clock when the answer came.
    """
    if not 0 <= answered - asked <= OFFSET_ANSWER_LIMIT:
        return None
    return their_time - (now - (answered - asked) / 2)
