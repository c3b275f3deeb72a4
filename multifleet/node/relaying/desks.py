"""Where mail is given out to one node: its open question for mail, and the frames whose senders wait for its answer."""

import asyncio
from dataclasses import dataclass, field

from multifleet.core.relay_packets import Held, Taken

LATELY = 2.0
"""Seconds after an answer to its question in which a node is expected to ask again."""


@dataclass(slots=True)
class Desk:
    """One recipient's."""

    handed: dict[str, Held] = field(default_factory=dict)
    """Frames whose senders wait, by mark: the next question takes them along."""
    waiting: dict[str, list[asyncio.Future[Taken]]] = field(default_factory=dict)
    """Who waits for the answer to a frame."""
    asks: asyncio.Event | None = None
    """Set to end the open question, where there is one."""
    asked_until: float = -LATELY
    """When the last question was answered; monotonic seconds."""

    def is_open(self, now: float) -> bool:
        """Whether the recipient asks for mail, or is about to."""
        return self.asks is not None or now - self.asked_until < LATELY

    def begin(self) -> asyncio.Event:
        """A new question is open; the one before it ends."""
        self.ring()
        self.asks = asyncio.Event()
        return self.asks

    def end(self, asks: asyncio.Event, now: float) -> None:
        """A question was answered."""
        if self.asks is asks:
            self.asks = None
            self.asked_until = now

    def ring(self) -> None:
        """Have the open question answered."""
        if self.asks is not None:
            self.asks.set()

    def hand(self, held: Held) -> None:
        """Give a frame to the next question, or to the open one."""
        self.handed[held.mark] = held
        self.ring()

    def take_handed(self, most: int, size: int) -> list[Held]:
        """Some of these frames, to be given out now."""
        taken: list[Held] = []
        for mark, held in list(self.handed.items()):
            size -= len(held.frame)
            if len(taken) == most or (taken and size < 0):
                break
            taken.append(self.handed.pop(mark))
        return taken

    def expect(self, mark: str) -> asyncio.Future[Taken]:
        """What the recipient does with a frame, once that is known."""
        future: asyncio.Future[Taken] = asyncio.get_running_loop().create_future()
        self.waiting.setdefault(mark, []).append(future)
        return future

    def expect_no_more(self, mark: str, future: asyncio.Future[Taken]) -> None:
        """Nobody waits for it any more."""
        future.cancel()
        left = [other for other in self.waiting.pop(mark, ()) if other is not future]
        if left:
            self.waiting[mark] = left
        else:
            self.handed.pop(mark, None)

    def give_up(self) -> None:
        """Whoever waits here waits no more: what it handed in was not taken."""
        for mark in list(self.waiting):
            self.settle(Taken(mark=mark, done=False))
        self.ring()

    def settle(self, taken: Taken) -> None:
        """The recipient said what it did with a frame."""
        for future in self.waiting.get(taken.mark, ()):
            if not future.done():
                future.set_result(taken)
