"""What the door counts and logs, under names that begin with "http_"; the counters bound what a flood may log.

No line ever holds a body, a header's value or a path that a stranger wrote.
"""

from traceback import extract_tb
from typing import Protocol


class Counters(Protocol):
    """Where numbers go; `failed` also writes the log line."""

    def count(self, name: str, by: int = 1) -> None: ...
    def failed(self, name: str, **facts: object) -> None: ...


class Reports:
    """Counts and logs under names that begin with "http_"."""

    def __init__(self, counters: Counters) -> None:
        self._counters = counters

    def count(self, code: str) -> None:
        """Something ordinary happened."""
        self._counters.count(f"http_{code}")

    def refused(self, code: str, remote: str, status: int = 0) -> None:
        """Somebody was turned away, or hung up on."""
        self._fail(code, remote=remote, status=status)

    def failed(self, code: str, where: str) -> None:
        """Something that a caller was told about, and that is not the caller's fault."""
        self._fail(code, where=where)

    def broke(self, where: str, error: BaseException) -> None:
        """Our own code failed: kind and place are told, not the message, which may quote what was sent."""
        frames = extract_tb(error.__traceback__)
        place = f"{frames[-1].filename.rpartition('/')[2]}:{frames[-1].lineno}" if frames else "unknown"
        self._fail("internal", where=where, error=type(error).__name__, at=place)

    def _fail(self, code: str, **facts: object) -> None:
        self._counters.failed(f"http_{code}", **facts)
