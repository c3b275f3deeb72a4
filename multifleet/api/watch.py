"""A deadline that moves with every request and hardly ever strikes: moving it away costs no timer."""

from asyncio import AbstractEventLoop, TimerHandle
from collections.abc import Callable
from math import inf


class Watch:
    """One deadline; `strike` is called when it has passed, once for each time that it was set."""

    __slots__ = ("_due", "_loop", "_strike", "_timer", "_timer_at")

    def __init__(self, loop: AbstractEventLoop, strike: Callable[[], None]) -> None:
        self._loop = loop
        self._strike = strike
        self._due = inf
        self._timer: TimerHandle | None = None
        self._timer_at = inf

    def set(self, seconds: float) -> None:
        """Strike this many seconds from now instead of any earlier choice."""
        self._due = self._loop.time() + seconds
        if self._due < self._timer_at:
            self._arm()

    def clear(self) -> None:
        """Do not strike until it is set again; a timer that still runs finds nothing due."""
        self._due = inf

    def stop(self) -> None:
        """Let go of the timer."""
        self._due = inf
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
            self._timer_at = inf

    def _arm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer_at = self._due
        self._timer = self._loop.call_at(self._due, self._look)

    def _look(self) -> None:
        self._timer = None
        self._timer_at = inf
        if self._due <= self._loop.time():
            self._due = inf
            self._strike()
        elif self._due != inf:
            self._arm()
