"""A watch over one peer: the pings that were sent to it in a row, and how many of them stay unanswered."""

from collections import deque
from dataclasses import dataclass, field

REPEAT = 0.25
"""Seconds between the pings of a watch in which one stayed unanswered, or that a suspicion began."""


@dataclass(slots=True, eq=False)
class Watch:
    """Open from the first ping until the peer is heard or buried, or the node forgives everybody (it was frozen)."""

    name: str
    fast: bool
    """Whether to repeat without waiting for the first ping to stay unanswered."""
    tries: int | None
    """How many pings are all: the peer is known as dead or asleep. None: until it is heard or buried."""
    open: bool = True
    sent: int = 0
    missed: int = 0
    next_at: float = 0.0
    """When the next ping goes out, where it is fast."""
    waiting: deque[float] = field(default_factory=deque)
    """When each of the pings that are under way counts as unanswered."""
    unjudged: int = 0
    """Pings that were lost, if the peer turns out to live."""
    plan: int = 0
    """Which of its timers is the one that counts."""
    asked_at: int = -4
    """Pings that had been sent when others were asked last."""
    tried_http: bool = False
    accuser: str = ""
    """The member whose rumor began it."""
    told: bool = True
    """Whether the rumor has been passed on; one from a member that was wrong before waits for a lost ping."""

    def pinged(self, now: float, timeout: float) -> None:
        """One more ping went out."""
        self.sent += 1
        self.waiting.append(max(now + timeout, self.waiting[-1] if self.waiting else 0.0))
        self.next_at = now + REPEAT

    def expire(self, now: float) -> None:
        """Count what stayed unanswered."""
        while self.waiting and self.waiting[0] <= now:
            self.waiting.popleft()
            self.missed += 1

    def due(self, enough: int) -> float:
        """When to look again; `enough` pings are not followed by another."""
        moments = [self.waiting[0]] if self.waiting else []
        if self.sent < (enough if self.tries is None else self.tries) and (self.fast or self.missed):
            moments.append(self.next_at)
        return min(moments, default=float("inf"))
