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
CUT_OFF = 1.0
"""Seconds by which a peer's time may be short, because it comes in whole seconds."""
LOOSE = OFFSET_ANSWER_LIMIT / 2 + CUT_OFF
"""The bound of an offset of which nobody knows any more how it was learned."""
MOVED = 2.0
"""Seconds, beyond its own bound, by which an offset must differ from the kept one to show that a clock was set."""


@dataclass(frozen=True, slots=True)
class Offset:
    """Their clock minus ours, in seconds."""

    seconds: float
    bound: float = LOOSE
    """It is wrong by no more than this: an answer that took long may have waited on the way there, or back."""

    @property
    def certain(self) -> float:
        """Its seconds, unless both clocks may just as well show the same: times come cut to whole seconds, and who
        believed every such fraction would stamp frames with moments that are over."""
        return self.seconds if abs(self.seconds) > self.bound else 0.0

    def replaces(self, kept: "Offset") -> bool:
        """Whether it shows that the clock was set since, or is much nearer the truth."""
        return abs(self.seconds - kept.seconds) > MOVED + self.bound or self.bound < kept.bound / 2


def learned_offset(asked: float, answered: float, their_time: float, now: float) -> Offset | None:
    """How far their clock is ahead, from an answer to our own open request; None if it was too slow to tell.

    `asked` and `answered` are monotonic, `now` is our wall clock when the answer came.
    """
    if not 0 <= answered - asked <= OFFSET_ANSWER_LIMIT:
        return None
    half = (answered - asked) / 2
    return Offset(their_time - (now - half), half + CUT_OFF)
