"""Whether this machine slept, from two clocks of which one stands still meanwhile, and from what the system announces.

The system may announce a sleep that does not come, come back before it says so, or say nothing at all; here each sleep
ends exactly once. Time arrives as an argument.
"""

from dataclasses import dataclass

LEAST = 2.0
"""Seconds between the clocks that are taken for sleep; less is the time between two readings."""
LEAST_BY_WALL = 30.0
"""The same where only the wall clock goes on: setting the clock looks like sleep too."""
GIVEN_UP_AFTER = 60.0
"""Seconds after which an announced sleep that did not come is over; logind waits five for who delays it."""


@dataclass(frozen=True, slots=True)
class Reading:
    """Both clocks at one moment, in seconds."""

    running: float
    """Stands still while the machine sleeps."""
    through: float
    """Goes on."""
    least: float = LEAST
    """From how many seconds between them it was sleep."""


def slept_between(before: Reading, after: Reading) -> float:
    """Seconds of sleep; 0 where there was none."""
    gap = (after.through - before.through) - (after.running - before.running)
    return gap if gap >= after.least else 0.0


class SleepLog:
    """Follows one machine. Each method gives the seconds slept when a sleep has just ended, else None."""

    def __init__(self, reading: Reading) -> None:
        self._last = reading
        self._announced_at: float | None = None

    @property
    def is_announced(self) -> bool:
        """Whether the system said that it goes to sleep, and has not come back."""
        return self._announced_at is not None

    def announced(self, reading: Reading) -> None:
        """The system says that it goes to sleep."""
        self._last = reading
        self._announced_at = reading.running

    def passed(self, reading: Reading) -> float | None:
        """Some time went by."""
        slept = slept_between(self._last, reading)
        waited = None if self._announced_at is None else reading.running - self._announced_at
        if slept == 0.0 and (waited is None or waited < GIVEN_UP_AFTER):
            if waited is None:
                self._last = reading
            return None
        return self._ended(slept, reading)

    def resumed(self, reading: Reading) -> float | None:
        """The system says that it is back."""
        slept = slept_between(self._last, reading)
        return self._ended(slept, reading) if slept or self.is_announced else None

    def _ended(self, slept: float, reading: Reading) -> float:
        self._last = reading
        self._announced_at = None
        return slept
