"""How many unanswered pings mean something: numbers from the share of pings that get lost although the peer lives.

That share is the node's awareness of itself and of its network (Lifeguard's idea): where little comes back, it waits
longer before it believes anything about others.
"""

from math import ceil, log, sqrt

LEAST_SHARE, MOST_SHARE = 0.05, 0.9
UNKNOWN_SHARE = 0.5
"""What is lost at most, as far as is known, while nothing was: so that a node which has just started and hears nobody
knows within 8 s that they are dead. It is what 30 % loss each way takes."""
FALSE_ALARMS = 0.1
"""Suspicions without cause that the whole fleet may have in one period."""
FALSE_DEATH = 1e-8
"""The chance that one verification buries a living peer."""
LEAST_TO_SUSPECT, LEAST_TO_BURY = 3, 8
MEMORY = 100.0
"""Pings that the estimate remembers."""
_PRIOR_LOST, _PRIOR_ALL = 1.0, 2.0


class LossEstimate:
    """The share of pings that peers which live left unanswered. Starts careful, and learns within a few answers."""

    __slots__ = ("_all", "_lost")

    def __init__(self) -> None:
        self._lost = 0.0
        self._all = 0.0

    def learn(self, answered: int, lost: int) -> None:
        """Pings to a peer that turned out to live. One that ends dead teaches nothing."""
        total = answered + lost
        keep = max(0.0, 1.0 - total / MEMORY)
        self._lost = self._lost * keep + lost
        self._all = self._all * keep + total

    @property
    def share(self) -> float:
        """The upper end of what the share may well be: fewer samples, more care."""
        all_ = self._all + _PRIOR_ALL
        mean = (self._lost + _PRIOR_LOST) / all_
        most = MOST_SHARE if self._lost else UNKNOWN_SHARE
        return min(most, max(LEAST_SHARE, mean + sqrt(mean * (1.0 - mean) / all_)))


def to_suspect(share: float, nodes: int) -> int:
    """m: the least number of unanswered pings after which N·q^m is a tenth or less."""
    return max(LEAST_TO_SUSPECT, ceil(log(FALSE_ALARMS / max(1, nodes)) / log(share)))


def to_bury(share: float) -> int:
    """r: the least number of unanswered pings in a row that a living peer leaves once in 10^8 verifications."""
    return max(LEAST_TO_BURY, ceil(log(FALSE_DEATH) / log(share)))
