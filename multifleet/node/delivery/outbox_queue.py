"""What waits for one peer: in the order of its priority, and within one as it was accepted, whatever was put back."""

import heapq
import itertools
from collections import deque
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field

from multifleet.core.packets import BATCH_BYTES, BATCH_LIMIT, MessageType, Urgency
from multifleet.core.routing import go_together, may_wait, place_of
from multifleet.store.rows import OutboxRow

IN_MEMORY = 2_000
"""Messages for one peer; what is beyond them waits in the store alone."""


@dataclass(slots=True)
class Waiting:
    """One message on its way to one peer."""

    id: str
    packet: bytes
    type: MessageType
    urgency: Urgency = "next-turn"
    unknown: bool = False
    """Whether an attempt had an unknown outcome."""
    reason: str | None = None
    key: str = ""
    """The Ed25519 key (hex) for which it was accepted; empty: whichever the peer has."""
    expires: int = 0
    """Seconds, wall clock: when its time is over; 0 where that is not known."""
    place: int = 0
    """Its place in the queue; smaller ones go first."""

    @property
    def may_wait(self) -> bool:
        """Whether nobody is to be roused for it."""
        return may_wait(self.type, self.urgency)

    @property
    def tier(self) -> int:
        """Where it waits, 0 first."""
        return place_of(self.type, self.urgency)

    def goes_with(self, other: "Waiting", own: Collection[str]) -> bool:
        """Whether both may travel in one request; `own`: types whose route the user has set."""
        return go_together(self.type, other.type, own) and self.may_wait == other.may_wait

    @classmethod
    def of(cls, row: OutboxRow) -> "Waiting":
        """One that was accepted before this process began, or did not fit into memory."""
        return cls(
            row.id,
            row.packet,
            row.type,  # type: ignore[arg-type]
            row.urgency,  # type: ignore[arg-type]
            True,
            row.reason,
            row.peer_key,
            row.expires,
        )


@dataclass(slots=True)
class Queue:
    """What waits, in order of priority, and of arrival within one."""

    tiers: tuple[deque[Waiting], ...] = field(default_factory=lambda: tuple(deque() for _ in range(4)))
    ids: set[str] = field(default_factory=set)
    """Those that wait here or are being sent."""
    own: Collection[str] = ()
    """Types whose route the user has set."""
    places: Iterator[int] = field(default_factory=lambda: itertools.count(1))
    newest: int = 0
    """The place of what was added last."""

    def __len__(self) -> int:
        return sum(map(len, self.tiers))

    def __bool__(self) -> bool:
        first, second, third, last = self.tiers
        return bool(first or second or third or last)

    def first(self) -> Waiting | None:
        """What goes next."""
        return next((tier[0] for tier in self.tiers if tier), None)

    def before(self, tier: int) -> int:
        """How many wait in the tiers before this one."""
        return sum(map(len, self.tiers[:tier]))

    def add(self, waiting: Waiting) -> None:
        """At the end."""
        waiting.place = self.newest = next(self.places)
        self.ids.add(waiting.id)
        self.tiers[waiting.tier].append(waiting)

    def put_back(self, batch: Iterable[Waiting]) -> None:
        """Where each was; of several requests that failed, the last to fail may have been the first to leave."""
        returned: dict[int, list[Waiting]] = {}
        for waiting in batch:
            if waiting.id in self.ids:
                returned.setdefault(waiting.tier, []).append(waiting)
        for place, found in returned.items():
            tier = self.tiers[place]
            if tier and found[-1].place > tier[0].place:
                found = list(heapq.merge(found, tier, key=_place))
                tier.clear()
            tier.extendleft(reversed(found))

    def take(self, most: int = BATCH_LIMIT) -> list[Waiting]:
        """The next batch: at most so many messages of one route, and no more than one request carries."""
        batch: list[Waiting] = []
        room = BATCH_BYTES
        for tier in self.tiers:
            while tier and len(batch) < most:
                if batch and (len(tier[0].packet) > room or not tier[0].goes_with(batch[0], self.own)):
                    return batch
                room -= len(tier[0].packet)
                batch.append(tier.popleft())
        return batch

    def find(self, message_id: str) -> Waiting | None:
        """One that waits and is not being sent."""
        return next((waiting for tier in self.tiers for waiting in tier if waiting.id == message_id), None)

    def drop(self, message_id: str) -> None:
        """Its time is over."""
        self.ids.discard(message_id)
        waiting = self.find(message_id)
        if waiting is not None:
            self.tiers[waiting.tier].remove(waiting)


def _place(waiting: Waiting) -> int:
    return waiting.place
