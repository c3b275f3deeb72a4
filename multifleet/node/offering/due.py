"""Which stored messages may be shown now, and in which order; it shows none itself."""

from collections.abc import Callable, Collection

from multifleet.core.ordering import in_order, loud_first, wait_until
from multifleet.core.receipts import State
from multifleet.node.clock import NodeClock
from multifleet.node.offering.offers import Offers
from multifleet.store.rows import InboxRow
from multifleet.store.store import Store

WAITING_LIMIT = 500
"""Messages of one seat that are looked at together."""


class Due:
    """One for the node."""

    def __init__(
        self,
        store: Store,
        clock: NodeClock,
        offers: Offers,
        is_out: Callable[[str], bool],
        is_stopped: Callable[[str | None], bool],
    ) -> None:
        """`is_out`: whether a sender is no member any more; `is_stopped`: whether nothing is shown on a seat now."""
        self._store = store
        self._clock = clock
        self._offers = offers
        self._is_out = is_out
        self._is_stopped = is_stopped
        self._not_before: dict[str, float] = {}

    def hold_back(self, message_id: str, seconds: float) -> None:
        """Do not show a message again for so long."""
        now = self._clock.monotonic()
        self._not_before[message_id] = now + seconds
        if len(self._not_before) > 10 * WAITING_LIMIT:
            self._not_before = {id: at for id, at in self._not_before.items() if at > now}

    async def at(self, seats: Collection[str | None], sessions: Collection[str]) -> list[InboxRow]:
        """Messages for these seats whose turn it is, in the order in which they are to be shown; of those for one
        session alone, what is for one of these."""
        now = self._clock.now()
        # Each seat for itself: what piles up at one must not keep others from their mail.
        seats = [seat for seat in seats if not self._is_stopped(seat)]
        # Nor may what is for sessions that are not there: it can wait for a month.
        waiting_at = self._store.inbox.waiting_at
        rows = [row for seat in seats for row in await waiting_at(seat, WAITING_LIMIT, now, sessions)]
        here = {(row.sender, row.id) for row in rows}
        ready: dict[tuple[str, str], InboxRow] = {}
        for row in in_order(rows):
            if self._is_out(row.sender) or self._not_before.get(row.id, 0.0) > self._clock.monotonic():
                continue
            if row.prev is not None and (row.sender, row.prev) not in ready:
                if (row.sender, row.prev) in here:
                    continue  # it is held back for a moment, and goes first
                prev = await self._store.inbox.get(row.sender, row.prev)
                state = State(prev.state) if prev else None
                if row.thread is None and prev and self._offers.lies_ready(prev.offer):
                    state = State.OFFERED  # it may lie there for hours, and what is behind it joins it
                if wait_until(row.prev, state, row.stored_at, now) is not None:
                    continue
            ready[(row.sender, row.id)] = row
        return loud_first(ready.values())
