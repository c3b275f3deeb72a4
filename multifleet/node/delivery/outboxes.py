"""Sends again what is still waiting: one loop for each peer.

A message leaves the loop when the peer has it on disk (its row is closed by the peer's own signed statement) or when
its time is over. Failed attempts back off with jitter; the peer being heard again ends the wait. Statements about the
peer's messages travel the same way, with messages or alone.
"""

import asyncio
import itertools
import random
from collections.abc import Awaitable, Callable, Collection, Sequence

from multifleet.core.backoff import Backoff, after_failure
from multifleet.core.batch_size import BatchSize
from multifleet.core.packets import BATCH_LIMIT, LOG_LIMIT
from multifleet.core.receipts import State
from multifleet.core.routing import LAST_PLACE
from multifleet.errors import StoreUnavailable
from multifleet.node.clock import NodeClock
from multifleet.node.counters import Counters
from multifleet.node.delivery.awaited import Awaited
from multifleet.node.delivery.delivery import Delivery, Ended
from multifleet.node.delivery.outbox_queue import IN_MEMORY, Queue, Waiting
from multifleet.node.delivery.parked import Parked
from multifleet.store.rows import OutboxChange
from multifleet.store.store import Store

REQUESTS_AT_ONCE = 3
"""To one peer."""
REQUESTS_READILY = 2
"""Of these; a further one starts only when there is a whole batch for it."""

GiveUp = Callable[[str, Sequence[tuple[str, str]]], Awaitable[None]]
"""Told (peer, [(message id, reason)]) of what can never arrive."""

Sent = Callable[[str, Sequence[str], str, str], None]
"""Told (peer, message ids, channel, where) of what lies elsewhere now."""

STORE_REST = 1.0
"""Seconds before a store that could not be read is asked again."""
STATEMENTS_FOR_EACH = 4
"""That go with a request, for each message that it might have; they are a quarter as long."""


class PeerOutbox:
    """The loop of one peer."""

    def __init__(
        self,
        node: str,
        backoff: Backoff,
        delivery: Delivery,
        store: Store,
        clock: NodeClock,
        counters: Counters,
        give_up: GiveUp,
        sent: Sent,
        own_routes: Collection[str] = (),
    ) -> None:
        """`own_routes`: types of messages whose route the user has set."""
        self.node = node
        self._delivery = delivery
        self._store = store
        self._clock = clock
        self._counters = counters
        self._end = give_up
        self._sent = sent
        self._parked = Parked()
        self._times_back = 0
        self._queue = Queue(own=own_routes)
        self._batch = BatchSize()
        self._backoff = backoff
        self._retry_at = 0.0
        self._in_order_to = 0
        """The place up to which requests go one after the other: what waited while the peer was away comes oldest
        first, and of two requests under way either may arrive first."""
        self._failed_quietly = False
        """Whether what failed last rouses nobody on its way."""
        self._in_flight: dict[int, dict[str, Waiting]] = {}
        self._numbers = itertools.count()
        self._something = asyncio.Event()
        self._more_in_store = True
        self._to_state = False
        self._to_probe = False
        self._stated_up_to = 0
        self._awaited = Awaited()
        self.last_reason: str | None = None

    def push(self, waiting: Waiting) -> None:
        """A message was accepted and is on disk."""
        if waiting.tier > 0 and self._queue.before(waiting.tier + 1) >= IN_MEMORY:
            self._more_in_store = True
            return
        self._queue.add(waiting)
        if self._failed_quietly and not waiting.may_wait:
            self._retry_at = 0.0  # it may go by ways that what failed was not to take
        self._something.set()

    def drop(self, message_id: str) -> None:
        """A message's time is over."""
        self._queue.drop(message_id)
        self._parked.take(message_id)
        self._awaited.drop(message_id)

    def arrived(self, message_id: str) -> None:
        """The peer has it, whatever way it came: nothing more is begun for it."""
        if not self._parked.take(message_id) and message_id not in self._queue.ids:
            return
        if any([message_id in batch for batch in self._in_flight.values()]):
            self._queue.ids.discard(message_id)
            self._delivery.arrived(self.node)
        else:
            self._queue.drop(message_id)
        self._awaited.add(message_id)

    @property
    def parked(self) -> int:
        """How many messages lie somewhere else than here and have not been confirmed."""
        return len(self._parked)

    def withdraw(self, message_id: str) -> bool:
        """Take a message out that could not be accepted; False where it has left already."""
        waiting = self._queue.find(message_id)
        self.drop(message_id)
        return waiting is not None and not waiting.unknown

    def ended(self, message_id: str) -> None:
        """Nothing more is expected about a message that the peer holds."""
        self._awaited.ended(message_id, is_under_way=message_id in self._queue.ids)

    def state(self) -> None:
        """There is something to state about the peer's messages."""
        self._to_state = True
        self._something.set()

    def probe(self) -> None:
        """Try the way to the peer, though there is nothing to send."""
        self._to_probe = True
        self._something.set()

    def heard_again(self) -> None:
        """The peer is there again: try at once, and soon again if that fails, or what is under way already."""
        self._backoff = Backoff(min(1, self._backoff.attempt))
        self._retry_at = 0.0
        self._times_back += 1
        self._unpark()
        self._delivery.is_back(self.node)
        self._something.set()

    def _unpark(self) -> None:
        """Send again what lies elsewhere: the peer takes each once, by whichever way it comes first."""
        again = self._parked.take_all()
        self._queue.ids.update(waiting.id for waiting in again)
        self._queue.put_back(again)

    @property
    def is_waiting(self) -> bool:
        """Whether something waits for the peer, or is on a slow way to it."""
        return self.failing or bool(self._parked) or bool(self._in_flight)

    @property
    def failing(self) -> bool:
        """Whether the last attempt failed."""
        return self._backoff.attempt > 0

    def is_unknown(self, message_id: str) -> bool:
        """Whether an attempt to send this had an unknown outcome; what was loaded after a start counts as such."""
        waiting = self._queue.find(message_id)
        return waiting is None or waiting.unknown  # what is parked, too

    async def run(self) -> None:
        """Until cancelled, or until a fault of its own; then it is run again."""
        try:
            async with asyncio.TaskGroup() as group:
                await self._work(group)
        finally:
            for batch in self._in_flight.values():
                self._queue.put_back(batch.values())
            self._in_flight.clear()
            self._to_state = True

    async def _work(self, group: asyncio.TaskGroup) -> None:
        while True:
            self._something.clear()
            now = self._clock.monotonic()
            if self._parked.is_due(now):
                self._unpark()
            if self._more_in_store and len(self._queue) < BATCH_LIMIT and now >= self._retry_at:
                await self._refill()
            if self._may_send(now):
                number = next(self._numbers)
                self._in_flight[number] = {waiting.id: waiting for waiting in self._queue.take(self._batch.most)}
                group.create_task(self._send(number), name=f"request to {self.node}")
                continue
            await self._until_something(now)

    def _may_send(self, now: float) -> bool:
        if now < self._retry_at or len(self._in_flight) >= REQUESTS_AT_ONCE:
            return False
        if self._in_flight:
            enough = len(self._in_flight) < REQUESTS_READILY or len(self._queue) >= self._batch.most
            first = self._queue.first()
            return first is not None and first.place > self._in_order_to and enough and not self.failing
        return bool(self._queue) or self._to_state or self._to_probe or self._awaited.is_due(now)

    async def _until_something(self, now: float) -> None:
        wake_at = None
        if not self._in_flight:
            if self._queue or self._to_state or self._to_probe or self._more_in_store:
                wake_at = self._retry_at
            elif self._awaited:
                wake_at = max(self._awaited.poll_at, self._retry_at)
            if self._parked:
                wake_at = self._parked.again_at if wake_at is None else min(wake_at, self._parked.again_at)
        if wake_at is None:
            await self._something.wait()
            return
        timer = asyncio.get_running_loop().call_later(max(0.0, wake_at - now), self._something.set)
        try:
            await self._something.wait()
        finally:
            timer.cancel()

    async def _refill(self) -> None:
        self._more_in_store = False
        known = self._queue.ids | self._parked.ids  # of these, some may be done before the store has answered
        try:
            rows = await self._store.outbox.waiting(self.node, None, IN_MEMORY + len(known))
        except StoreUnavailable as error:
            self._more_in_store = True
            self._retry_at = self._clock.monotonic() + STORE_REST
            self._counters.failed("outbox_waits_for_store", peer=self.node, reason=error)
            return
        fresh = [row for row in rows if row.id not in known and row.id not in self._queue.ids | self._parked.ids]
        for row in fresh:
            self._queue.add(Waiting.of(row))
        if len(fresh) >= IN_MEMORY:
            self._more_in_store = True

    async def _send(self, number: int) -> None:
        batch = list(self._in_flight[number].values())
        times_back = self._times_back
        self._to_probe = False
        try:
            log = []
            if self._to_state:
                self._to_state = False
                most = min(LOG_LIMIT, STATEMENTS_FOR_EACH * self._batch.most)
                log = await self._store.inbox.log_after(self.node, self._stated_up_to, most)
            ended = await self._delivery.deliver(
                self.node, batch, log, alone=not self._queue, is_over=lambda: self._is_over(batch)
            )
        except StoreUnavailable as error:
            del self._in_flight[number]
            self._to_state = True
            self._failed(batch, Ended(answered=False, reason=f"this node cannot write: {error}", unknown=True))
        else:
            del self._in_flight[number]
            if ended.not_its:
                self._turn_back(batch, ended.not_its, had_log=bool(log))
            else:
                self._learn(batch, ended, had_log=bool(log))
                if self._times_back != times_back:
                    self._unpark()  # it came back while this was parked, perhaps because of it
            unreadable = [(id, f"{self.node} cannot read it: {reason}") for id, reason in ended.unreadable]
            await self._give_up([*ended.not_its, *unreadable])
        self._something.set()

    def _is_over(self, batch: Sequence[Waiting]) -> bool:
        """Whether nothing of it has to go there any more: it came by other ways, or its time is over."""
        return bool(batch) and self._queue.ids.isdisjoint([waiting.id for waiting in batch])

    def _turn_back(self, batch: list[Waiting], not_its: Sequence[tuple[str, str]], *, had_log: bool) -> None:
        """Nothing was sent, for some of it was written to another machine of this name."""
        self._queue.ids.difference_update(id for id, _ in not_its)
        self._queue.put_back(batch)
        self._to_state = self._to_state or had_log

    async def _give_up(self, messages: Sequence[tuple[str, str]]) -> None:
        if not messages:
            return
        try:
            await self._end(self.node, messages)
        except StoreUnavailable:
            # They are looked at again, and turned away again when that can be written.
            self._more_in_store = True
            self._retry_at = max(self._retry_at, self._clock.monotonic() + STORE_REST)

    def _learn(self, batch: list[Waiting], ended: Ended, *, had_log: bool) -> None:
        now = self._clock.monotonic()
        if ended.answered:
            self._recovered(now)
            self._batch = self._batch.after_answer()
            self._stated_up_to = max(self._stated_up_to, ended.their_have)
            if (had_log and ended.their_have < ended.stated_up_to) or ended.more_to_state:
                self._to_state = True
            left = []
            for waiting in batch:
                if waiting.id not in ended.taken:
                    left.append(waiting)
                elif waiting.id in self._queue.ids:  # else its receipt has come already
                    self._queue.ids.discard(waiting.id)
                    self._awaited.add(waiting.id)
            self._queue.put_back(left)
            self._awaited.answered(now, had_messages=bool(batch))
            return
        if had_log:
            self._to_state = True
        if self._is_over(batch):
            return
        if ended.again:
            for waiting in batch:
                waiting.unknown = waiting.unknown or ended.unknown
            self._queue.put_back(batch)
            return
        if ended.sent and batch:
            self._park(batch, ended, now)
            return
        self._failed(batch, ended)

    def _park(self, batch: list[Waiting], ended: Ended, now: float) -> None:
        """All of it lies where the peer will find it, or somebody was told: that is not the peer's word."""
        words = f"by {ended.channel}: {ended.sent}"
        self.last_reason = words
        left = [waiting for waiting in batch if waiting.id in self._queue.ids]  # neither confirmed nor over meanwhile
        self._sent(self.node, [waiting.id for waiting in left], ended.channel, ended.sent)
        for waiting in left:
            self._queue.ids.discard(waiting.id)
            waiting.unknown, waiting.reason = True, words
        self._parked.add(left, now)
        self._retry_at = 0.0

    def _recovered(self, now: float) -> None:
        if self.failing:
            self._in_order_to = self._queue.newest
            self._backoff = Backoff()
            self._store.peers.backoff_later(self.node, 0, 0.0, 0.0)
        self._retry_at = 0.0
        self.last_reason = None

    def _failed(self, batch: list[Waiting], ended: Ended) -> None:
        now = self._clock.monotonic()
        self._counters.failed("delivery_failed", peer=self.node, messages=len(batch), reason=ended.reason)
        self.last_reason = ended.reason
        if ended.unknown and ended.peer_heard:
            self._batch = self._batch.after_silence(len(batch) or self._batch.most)
        self._backoff = after_failure(self._backoff, ended.peer_heard, random.random())
        self._store.peers.backoff_later(self.node, self._backoff.attempt, self._backoff.delay, self._backoff.elapsed)
        self._failed_quietly = bool(batch) and batch[0].may_wait
        is_louder = self._failed_quietly and self._queue.before(LAST_PLACE) > 0
        self._retry_at = now if is_louder else now + self._backoff.delay
        self._awaited.not_before(self._retry_at)
        changes = []
        for waiting in batch:
            unknown = waiting.unknown or ended.unknown
            if unknown != waiting.unknown or ended.reason != waiting.reason:
                waiting.unknown, waiting.reason = unknown, ended.reason
                changes.append(OutboxChange(waiting.id, self.node, State.QUEUED, ended.reason, unknown, None))
        if changes:
            self._store.outbox.change_later(changes)
        self._queue.put_back(batch)
