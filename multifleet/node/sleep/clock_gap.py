"""Reads the two clocks that show afterwards that this machine slept.

Linux: CLOCK_MONOTONIC stands still, CLOCK_BOOTTIME goes on. macOS: CLOCK_UPTIME_RAW stands still, CLOCK_MONOTONIC goes
on. Elsewhere the wall clock is what goes on: then a clock that somebody sets half a minute ahead looks like sleep, and
a shorter sleep is not seen.
"""

import time

from multifleet.core.sleep import LEAST_BY_WALL, Reading

BOOTTIME: int | None = getattr(time, "CLOCK_BOOTTIME", None)
UPTIME: int | None = getattr(time, "CLOCK_UPTIME_RAW", None)


def read_clocks() -> Reading:
    """Both, as close to each other as can be."""
    if BOOTTIME is not None:
        return Reading(time.clock_gettime(time.CLOCK_MONOTONIC), time.clock_gettime(BOOTTIME))
    if UPTIME is not None:
        return Reading(time.clock_gettime(UPTIME), time.clock_gettime(time.CLOCK_MONOTONIC))
    return Reading(time.monotonic(), time.time(), LEAST_BY_WALL)
