"""In which order messages are offered to a session: within a thread of one sender, as sent; what is urgent first.

A message waits for its predecessor for a bounded time only, since the predecessor may never come.
"""

from collections import defaultdict
from collections.abc import Iterable
from typing import Protocol, TypeVar

from multifleet.core.receipts import State

PATIENCE = 5.0
"""Seconds after it was stored that a message waits for the one before it."""

_LOUDNESS = {"now": 0, "next-turn": 1, "whenever": 2}

_OUT_OF_THE_WAY = frozenset(
    {
        State.OFFERED,
        State.HELD,
        State.REFUSED,
        State.SEEN,
        State.ANSWERED,
        State.EXPIRED,
        State.UNDELIVERABLE,
    }
)


class InThread(Protocol):
    """The part of a message that says where it stands."""

    @property
    def from_(self) -> str: ...
    @property
    def to(self) -> str: ...
    @property
    def thread(self) -> str | None: ...
    @property
    def n(self) -> int: ...


class Urgent(InThread, Protocol):
    """One that says when it is to be seen."""

    @property
    def urgency(self) -> str: ...
    @property
    def type(self) -> str: ...


M = TypeVar("M", bound=InThread)
L = TypeVar("L", bound=Urgent)


def wait_until(prev: str | None, state_of_prev: State | None, stored_at: float, now: float) -> float | None:
    """None to offer the message now, else when to look again.

    `state_of_prev` is None where the message before it is unknown here.
    """
    if prev is None or state_of_prev in _OUT_OF_THE_WAY:
        return None
    # A `now` before `stored_at` means a clock that was set back: how long is left to wait is unknown then.
    if now < stored_at or now >= stored_at + PATIENCE:
        return None
    return stored_at + PATIENCE


def in_order(messages: Iterable[M]) -> list[M]:
    """The messages as they came, except that those of one thread share out their places as they were sent."""
    came = list(messages)
    threads: dict[tuple[str, str, str | None], list[M]] = defaultdict(list)
    for message in came:
        threads[_thread(message)].append(message)
    sent = {key: iter(sorted(thread, key=lambda message: message.n)) for key, thread in threads.items()}
    return [next(sent[_thread(message)]) for message in came]


def loud_first(messages: Iterable[L]) -> list[L]:
    """Threads with something urgent before the others; within a thread as they came."""
    came = list(messages)
    rank: dict[tuple[str, str, str | None], int] = {}
    for message in came:
        rank[_thread(message)] = min(rank.get(_thread(message), 2), loudness(message))
    return sorted(came, key=lambda message: rank[_thread(message)])


def loudness(message: Urgent) -> int:
    """0 for what does not wait for anything, 1 for the next turn, 2 for whenever there is time."""
    return 0 if message.type == "alert" else _LOUDNESS.get(message.urgency, 1)


def _thread(message: InThread) -> tuple[str, str, str | None]:
    return (message.from_, message.to, message.thread)
