"""How often something may be done: token buckets, and the limits a client's inbox sets to one sender.

Time arrives as an argument in monotonic seconds; nothing here waits.
"""

from collections import OrderedDict

BURST = 25
PER_SECOND = 0.5
SAME_TEXT_AFTER = 30.0
UNDELIVERED = 45
"""Claude Code 2.1.329 drops beyond 30 at once, 0.5 a second, the same body within 30 s, and 50 undelivered in
all: the margin is for what other senders of this machine do."""


class TokenBucket:
    """Up to `burst` at once, refilled at `per_second`."""

    __slots__ = ("_at", "_burst", "_per_second", "_tokens")

    def __init__(self, burst: float, per_second: float) -> None:
        self._burst = burst
        self._per_second = per_second
        self._tokens = burst
        self._at: float | None = None

    def wait(self, now: float) -> float:
        """Seconds until one may be taken; 0.0 when it may be taken now."""
        self._refill(now)
        return max(0.0, (1.0 - self._tokens) / self._per_second)

    def take(self, now: float) -> float:
        """Takes one and returns 0.0, or takes none and returns the seconds to wait."""
        wait = self.wait(now)
        if wait == 0.0:
            self._tokens -= 1.0
        return wait

    @property
    def tokens(self) -> float:
        """How many were left when one was last asked for."""
        return self._tokens

    def give(self) -> None:
        """Pays one back."""
        self._tokens = min(self._burst, self._tokens + 1.0)

    def _refill(self, now: float) -> None:
        if self._at is not None and now > self._at:
            self._tokens = min(self._burst, self._tokens + (now - self._at) * self._per_second)
        if self._at is None or now > self._at:
            self._at = now


class OfferLimits:
    """What one sender address may post to one session without being dropped there."""

    __slots__ = ("_bucket", "_texts")

    def __init__(self) -> None:
        self._bucket = TokenBucket(BURST, PER_SECOND)
        self._texts: OrderedDict[str, float] = OrderedDict()

    def take(self, text_hash: str, undelivered: int, now: float) -> float:
        """Counts one post and returns 0.0, or counts none and returns the seconds after which to ask
        again."""
        while self._texts and now - next(iter(self._texts.values())) >= SAME_TEXT_AFTER:
            self._texts.popitem(last=False)
        if undelivered >= UNDELIVERED:
            return 1.0 / PER_SECOND
        posted_at = self._texts.get(text_hash)
        if posted_at is not None:
            return SAME_TEXT_AFTER - (now - posted_at)
        wait = self._bucket.take(now)
        if wait == 0.0:
            self._texts[text_hash] = now
        return wait
