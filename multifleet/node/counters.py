"""Counters with names, and the log line that goes with each failure. Neither ever holds a body or a key.

A flood of one failure is counted in full and logged in part, so that nobody fills the disk from outside.
"""

import logging
import time
from collections import Counter
from collections.abc import Callable

LINES, WINDOW = 10, 10.0
"""Log lines of one name within so many seconds."""

log = logging.getLogger("multifleet")


class Counters:
    """What happened, how often, since the daemon started."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._counts: Counter[str] = Counter()
        self._windows: dict[str, tuple[float, int]] = {}
        self._monotonic = monotonic

    def count(self, name: str, by: int = 1) -> None:
        """Something ordinary happened."""
        self._counts[name] += by

    def failed(self, name: str, **facts: object) -> None:
        """Something failed: counted, and logged in one line; `facts` are ids and reasons, nothing that was said."""
        self._counts[name] += 1
        now = self._monotonic()
        since, lines = self._windows.get(name, (now, 0))
        if now - since >= WINDOW:
            if lines > LINES:
                facts["unlogged_before"] = lines - LINES
            since, lines = now, 0
        self._windows[name] = (since, lines + 1)
        if lines < LINES:
            log.warning("%s %s", name, " ".join(f"{key}={_inert(value)}" for key, value in facts.items()))

    def snapshot(self) -> dict[str, int]:
        """All counts by name."""
        return dict(sorted(self._counts.items()))


def _inert(value: object) -> str:
    text = str(value)[:200]
    return text if text.isascii() and text.isprintable() and " " not in text else ascii(text)
