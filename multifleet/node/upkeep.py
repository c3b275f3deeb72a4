"""What a node does on its own account now and then: greeting configured machines, probing, forgetting what is old."""

import asyncio
from collections.abc import Callable, Sequence

from multifleet.errors import MultifleetError
from multifleet.node.clock import NodeClock
from multifleet.node.counters import Counters
from multifleet.node.delivery.outboxes import PeerOutbox
from multifleet.node.roster.joining import Joining
from multifleet.node.roster.membership import Membership
from multifleet.store.store import Store

REPLAY_CLOCK = "replay_clock"
"""The key of the replay clock's last reading in the store."""
HOUSEKEEPING = 30.0
ASK_EVERY = 2.5
GREET_FIRST, GREET_LAST = 0.5, 30.0
"""Seconds."""
TIME_AGAIN = 3_600.0
"""Seconds after which a member is asked again what its clock says."""


class Upkeep:
    """One for the node."""

    def __init__(
        self,
        membership: Membership,
        joining: Joining,
        store: Store,
        clock: NodeClock,
        counters: Counters,
        outbox_of: Callable[[str], PeerOutbox],
        keep_heard: Callable[[], None],
        is_there: Callable[[str], bool],
    ) -> None:
        self._membership = membership
        self._joining = joining
        self._store = store
        self._clock = clock
        self._counters = counters
        self._outbox_of = outbox_of
        self._keep_heard = keep_heard
        self._is_there = is_there
        self._asked: dict[str, float] = {}

    async def ask_now_and_then(self) -> None:
        """Ask members the time, one by one, until cancelled."""
        while True:
            await asyncio.sleep(ASK_EVERY)
            self.ask_the_time()

    def ask_the_time(self) -> None:
        """Of one member: how far its clock is off, and whether HTTP leads to it, is known before it matters."""
        now = self._clock.monotonic()
        for member in self._membership.members.others():
            asked = self._asked.get(member.node)
            if (asked is None or now - asked >= TIME_AGAIN) and self._is_there(member.node):
                self._asked[member.node] = now
                self._outbox_of(member.node).probe()
                return

    async def greet(self, name: str, addresses: Sequence[str]) -> None:
        """Say hello to a configured machine until it is pinned, or the shared key is good for nothing any more."""
        delay = GREET_FIRST
        while (shared := self._membership.shared_key) is not None and self._membership.members.get(name) is None:
            try:
                await self._joining.greet(name, addresses, shared)
            except MultifleetError as error:
                self._counters.failed("hello_failed", peer=name, code=error.code, reason=error)
            await asyncio.sleep(delay)
            delay = min(GREET_LAST, 2 * delay)

    async def keep_house(self) -> None:
        """Note the replay clock and who was heard, and forget what is old, until cancelled."""
        while True:
            now = self._clock.now()
            self._store.meta.set_later(REPLAY_CLOCK, repr(now))
            self._keep_heard()
            self._store.nonces.prune_later(int(now))
            await self._store.prune(now)
            await asyncio.sleep(HOUSEKEEPING)
