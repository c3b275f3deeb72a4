"""How much agents may say to each other before a person has to say something: answers in a row, and messages of a day
to one seat, in all, from one machine and in one conversation. It counts what it is told of, and forgets it when the
day ends.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

DAY = 86_400
CONVERSATIONS = 4_096
"""Conversations of a day that are counted; beyond them the day's own count is what limits."""
Key = tuple[str, str, str]
"""Seat, machine of the sender, and thread (empty: none). Which of its seats a machine names as the sender is its own
word, so that no budget depends on it."""
SHARES = 4
"""Machines it takes to spend the day of one seat."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What is allowed."""

    hops: int
    """Automatic answers in a row."""
    thread: int
    """Messages of one machine in one conversation to one seat in a day."""
    day: int
    """Messages of all agents to one seat in a day."""

    @property
    def share(self) -> int:
        """Messages of one machine to one seat in a day."""
        return max(1, self.day // SHARES)


def too_many_hops(hops: int, limits: Limits) -> str | None:
    """Why a message that would be the answer number `hops` in a row is not taken; None where it is."""
    if hops <= limits.hops:
        return None
    return f"it would be answer number {hops} in a row without a person, and {limits.hops} are allowed (budgets.hops)"


class Spent:
    """What agents have sent to the seats of one node today, in UTC."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._day = 0
        self._seats: Counter[str] = Counter()
        self._shares: Counter[tuple[str, str]] = Counter()
        self._conversations: Counter[Key] = Counter()

    def refusal(self, key: Key, now: float, pending: Mapping[Key, int]) -> str | None:
        """Why a further message is not taken today; `pending` are those that are taken and not counted yet."""
        self._turn(now)
        seat, node, thread = key
        waiting = sum(count for other, count in pending.items() if other[0] == seat)
        of_node = sum(count for other, count in pending.items() if other[:2] == (seat, node))
        if self._seats[seat] + waiting >= self._limits.day:
            return f"agents have sent {self._limits.day} messages to {seat} today, and no more are taken (budgets.day)"
        if self._shares[seat, node] + of_node >= self._limits.share:
            return (
                f"{node} has sent {self._limits.share} messages to {seat} today, its share of what all agents may, and "
                "no more are taken (budgets.day)"
            )
        if self._conversations[key] + pending.get(key, 0) >= self._limits.thread:
            what = "of this thread" if thread else "without a thread"
            return (
                f"{node} has sent {self._limits.thread} messages {what} to {seat} today, and no more are taken "
                "(budgets.thread)"
            )
        return None

    def took(self, key: Key, now: float) -> int:
        """Count one; how many the seat has got today."""
        self._turn(now)
        self._seats[key[0]] += 1
        self._shares[key[:2]] += 1
        if key in self._conversations or len(self._conversations) < CONVERSATIONS:
            self._conversations[key] += 1
        return self._seats[key[0]]

    def kept(self) -> tuple[int, list[tuple[Key, int]]]:
        """The day, and what was counted in it."""
        return self._day, list(self._conversations.items())

    def restore(self, day: int, counted: list[tuple[Key, int]], now: float) -> None:
        """Take up what an earlier run had counted, if it was today."""
        self._turn(now)
        if day != self._day:
            return
        for key, count in counted[:CONVERSATIONS]:
            self._conversations[key] += count
            self._seats[key[0]] += count
            self._shares[key[:2]] += count

    def _turn(self, now: float) -> None:
        day = int(now // DAY)
        if day != self._day:
            self._day = day
            self._seats.clear()
            self._shares.clear()
            self._conversations.clear()
