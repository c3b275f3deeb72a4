"""Gives messages up: when their time is over, or when the peer cannot read them. The sender is always told which.

`expired` is said only of a message that certainly did not arrive; where an attempt had an unknown outcome it is
`undeliverable: outcome unknown`. A later statement of the recipient overrides either.
"""

import asyncio
from collections.abc import Callable, Sequence

from multifleet.core.packets import DETAIL_LIMIT
from multifleet.core.receipts import FINAL, State, reached
from multifleet.node.clock import NodeClock
from multifleet.node.delivery.own_events import OwnEvents
from multifleet.node.delivery.tracker import Tracker
from multifleet.store.rows import OutboxChange, OutboxRow
from multifleet.store.store import Store

LONGEST_SLEEP = 60.0


class Endings:
    """One for the node."""

    def __init__(
        self,
        store: Store,
        clock: NodeClock,
        own_events: OwnEvents,
        tracker: Tracker,
        *,
        is_unknown: Callable[[str, str], bool],
        drop: Callable[[str, str], None],
    ) -> None:
        self._store = store
        self._clock = clock
        self._own_events = own_events
        self._tracker = tracker
        self._is_unknown = is_unknown
        self._drop = drop
        self._next: float | None = None
        self._sooner = asyncio.Event()

    def accepted(self, expires: int) -> None:
        """A message was accepted that expires then."""
        if self._next is None or expires < self._next:
            self._next = expires
            self._sooner.set()

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            self._sooner.clear()
            self._next = await self._store.outbox.next_expiry()
            now = self._clock.now()
            if self._next is not None and self._next <= now:
                for row in await self._store.outbox.due_to_expire(now):
                    await self._expire(row)
                continue
            wait = LONGEST_SLEEP if self._next is None else min(LONGEST_SLEEP, self._next - now)
            try:
                async with asyncio.timeout(wait):
                    await self._sooner.wait()
            except TimeoutError:
                pass  # time to look

    async def _expire(self, row: OutboxRow) -> None:
        if row.unknown_outcome or self._is_unknown(row.peer, row.id):
            await self.give_up([(row.id, "outcome unknown: it may have arrived")], row.peer, State.UNDELIVERABLE)
        else:
            await self.give_up([(row.id, row.reason or "its time was over")], row.peer, State.EXPIRED)

    def sent(self, messages: Sequence[str], peer: str, channel: str, where: str) -> None:
        """Note of messages that they lie elsewhere now, or that somebody was told; rides on the next commit."""
        messages = [id for id in messages if not self._is_settled(id)]
        detail = where[:DETAIL_LIMIT]
        events = [self._own_events.event(id, peer, State.SENT, channel=channel, detail=detail) for id in messages]
        changes = [OutboxChange(id, peer, State.SENT, f"by {channel}: {where}", True) for id in messages]
        self._store.receipts.record_later(events, changes, None, None)
        for id in messages:
            if not reached(self._tracker.state(id) or State.QUEUED, State.SENT):
                self._tracker.stated(id, peer, State.SENT)

    def _is_settled(self, message: str) -> bool:
        """Whether the recipient's word, or the end of its time, says more than that it lies somewhere."""
        state = self._tracker.state(message)
        return state is not None and (state in FINAL or reached(state, State.STORED))

    async def give_up(self, messages: Sequence[tuple[str, str]], peer: str, state: State) -> None:
        """Close messages (id, reason) to a peer as expired or undeliverable."""
        now = self._clock.now()
        events = [self._own_events.event(id, peer, state, detail=reason) for id, reason in messages]
        changes = [OutboxChange(id, peer, state, reason, None, now) for id, reason in messages]
        await self._store.receipts.record(events, changes, None, None)
        for id, _ in messages:
            self._drop(peer, id)
            self._tracker.stated(id, peer, state)
