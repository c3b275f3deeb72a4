"""How many messages go into one request: fewer on a wire that loses much, where a long request rarely gets through.

As TCP does with its window (RFC 5681): half after a loss, somewhat more after each success.
"""

from dataclasses import dataclass

from multifleet.core.packets import BATCH_LIMIT


@dataclass(frozen=True, slots=True)
class BatchSize:
    """A new one is as large as a request may be."""

    most: int = BATCH_LIMIT
    """Messages."""

    def after_answer(self) -> "BatchSize":
        """A request was answered in time."""
        return BatchSize(min(BATCH_LIMIT, self.most + max(1, self.most // 8)))

    def after_silence(self, sent: int) -> "BatchSize":
        """A request with `sent` messages was not answered in time by a peer that is there."""
        return BatchSize(max(1, min(self.most, sent) // 2))
