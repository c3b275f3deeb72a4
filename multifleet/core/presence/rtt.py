"""How long an answer takes, and how long to wait for one (RFC 6298: smoothed round trip and its variation)."""

LEAST, MOST = 0.3, 1.0
"""Seconds between which every wait lies. One that is unknown waits the longest."""


class RoundTrip:
    """The round trips to one peer, or to all of them."""

    __slots__ = ("smoothed", "variation")

    def __init__(self) -> None:
        self.smoothed: float | None = None
        self.variation = 0.0

    def learn(self, seconds: float) -> None:
        """One more round trip; see Pings for which are none."""
        if self.smoothed is None:
            self.smoothed, self.variation = seconds, seconds / 2
            return
        self.variation += (abs(self.smoothed - seconds) - self.variation) / 4
        self.smoothed += (seconds - self.smoothed) / 8

    def timeout(self) -> float:
        """Seconds after which a ping counts as unanswered; the longest while no round trip is known."""
        if self.smoothed is None:
            return MOST
        return min(MOST, max(LEAST, self.smoothed + 4 * self.variation))
