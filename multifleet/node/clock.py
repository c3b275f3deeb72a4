"""The clocks of a node, in one value that tests replace."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from multifleet.core.replay import ReplayClock

# Darwin's CLOCK_MONOTONIC goes on while the machine sleeps; on Linux only CLOCK_BOOTTIME does.
_CONTINUOUS: int = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


continuous = partial(time.clock_gettime, _CONTINUOUS)
"""Seconds that only grow, and go on while the machine sleeps: a clock that lost a night would refuse all frames."""


@dataclass(frozen=True, slots=True)
class Clocks:
    """Wall time for people and for `expires`, monotonic time for timers, and the replay clock made of both."""

    wall: Callable[[], float] = time.time
    monotonic: Callable[[], float] = continuous


@dataclass(slots=True)
class NodeClock:
    """The clocks of a running node; each message asks them two dozen times."""

    clocks: Clocks
    _replay: ReplayClock
    monotonic: Callable[[], float] = field(init=False)
    """Seconds that only grow."""

    def __post_init__(self) -> None:
        self.monotonic = self.clocks.monotonic

    @classmethod
    def start(cls, clocks: Clocks, persisted: float) -> "NodeClock":
        """`persisted` is the last reading of the replay clock that was stored."""
        return cls(clocks, ReplayClock.start(clocks.wall(), persisted, clocks.monotonic()))

    def wall(self) -> float:
        """Seconds since the epoch, as the machine has it at the moment; for comparing only."""
        return self.clocks.wall()

    def now(self) -> float:
        """The replay clock: seconds since the epoch that are never stepped back. Everything stored and sent uses it."""
        return self._replay.read(self.monotonic())
