"""A window of counts that were seen, 64 wide (RFC 4303, section 3.4.3): datagrams overtake each other, and none counts
twice.

Not for frames that have an effect on disk: their nonces are kept (replay.py, store).
"""

WIDTH = 64


class ReplayWindow:
    """The counts of one sender's boot."""

    __slots__ = ("_highest", "_seen")

    def __init__(self) -> None:
        self._highest = -1
        self._seen = 0

    def accept(self, count: int) -> bool:
        """Whether this count is new; then it is not new again. What is 64 or more behind the newest is not new."""
        ahead = count - self._highest
        if ahead > 0:
            self._seen = (self._seen << ahead | 1) & (1 << WIDTH) - 1 if ahead < WIDTH else 1
            self._highest = count
            return True
        if -ahead >= WIDTH or self._seen >> -ahead & 1:
            return False
        self._seen |= 1 << -ahead
        return True
