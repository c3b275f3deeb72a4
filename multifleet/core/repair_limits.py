"""What a node repairs on the word of others, at the most: however many of them ask, it does little, and what it did a
moment ago is told instead of done again. Time arrives as an argument in monotonic seconds.
"""

from collections import deque

ACTS, ACTS_WITHIN = 12, 3_600.0
"""How many repairs a node makes on the word of others in so many seconds, all of them together."""
OF_ONE = 3
"""How many of them one peer may ask for."""
SETTLES = 60.0
"""Seconds after a repair in which the same one is not made again: whoever asks is told what was done."""


class RepairLimits:
    """What a node does on the word of others, at the most; time is monotonic seconds."""

    def __init__(self) -> None:
        self._acts: deque[tuple[float, str]] = deque()
        self._settled: dict[str, tuple[float, tuple[str, ...]]] = {}

    def lately(self, channel: str, now: float) -> tuple[str, ...] | None:
        """What was done about this channel just now; None where nothing was."""
        at, words = self._settled.get(channel, (None, ()))
        return words if at is not None and now - at < SETTLES else None

    def take(self, asker: str, channel: str, now: float) -> str:
        """Counts one repair and returns nothing, or says why it is not made."""
        while self._acts and now - self._acts[0][0] >= ACTS_WITHIN:
            self._acts.popleft()
        if len(self._acts) >= ACTS:
            return f"{ACTS} repairs were made here within the hour already"
        if sum(who == asker for _, who in self._acts) >= OF_ONE:
            return f"{asker} has asked for {OF_ONE} repairs within the hour already"
        self._acts.append((now, asker))
        self._settled[channel] = (now, ("it is being repaired",))
        return ""

    def made(self, channel: str, words: tuple[str, ...], now: float) -> None:
        """A repair has ended."""
        self._settled[channel] = (now, words)
