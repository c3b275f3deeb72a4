"""How long to wait before a peer is tried again: exponential, with jitter, and short while the peer is heard.

The value is kept in the store, so that the waits of a daemon that was started again go on growing from where they
were; its first try is made at once. It counts seconds of the monotonic clock and never reads one.
"""

from dataclasses import dataclass

FIRST = 0.25
"""Seconds after the first failure, before jitter; doubled after each."""
CAP_HEARD = 10.0
"""The most that is waited while the peer is heard."""
CAP_SILENT = 60.0
"""The most that is waited otherwise."""


@dataclass(frozen=True, slots=True)
class Backoff:
    """The wait that is running: `delay` seconds in all, `elapsed` of them over. A new one is no wait."""

    attempt: int = 0
    """Failures since the last success."""
    delay: float = 0.0
    elapsed: float = 0.0


def after_failure(backoff: Backoff, heard: bool, random01: float) -> Backoff:
    """The next wait; `random01` in [0, 1) spreads it over the upper half, so that peers fall out of step."""
    longest = min(FIRST * 2.0 ** min(backoff.attempt, 16), _cap(heard))
    return Backoff(backoff.attempt + 1, longest * (0.5 + 0.5 * random01), 0.0)


def _cap(heard: bool) -> float:
    return CAP_HEARD if heard else CAP_SILENT
