"""When rosters are brought together: what is new is pushed at once, what differs is compared, and now and then chance
decides whom to compare with, so that nothing depends on a single way.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterable, Sequence

from multifleet.core.documents import Signed
from multifleet.node.clock import NodeClock
from multifleet.node.counters import Counters
from multifleet.node.members import Member, Members
from multifleet.node.roster.exchange import RosterExchange
from multifleet.node.roster.rostering import News, Rostering

FAN_OUT = 8
"""Peers that are told at once; each passes on what is new to it."""
GATHER = 0.02
"""Seconds in which several news become one frame."""
COMPARE_EVERY = 30.0
COMPARED_AT_START = 3
CARD_EVERY = 5.0
"""Seconds between two looks at this node's addresses, and after which a new card is in the file too."""
AGAIN_FIRST, AGAIN_LAST = 1.0, 60.0
"""Seconds before a peer is compared with again, while that does not make the rosters equal."""
CATCH_UP_SECONDS = 5.0
"""For asking everybody after the store was lost."""
ASKED_AT_ONCE = 16
PUSHED_LIMIT = 2_048
"""Documents that wait to be pushed; whoever misses one gets it when rosters are compared."""


class RosterRounds:
    """One for the node."""

    def __init__(
        self,
        rostering: Rostering,
        exchange: RosterExchange,
        members: Members,
        clock: NodeClock,
        counters: Counters,
        keep_file: Callable[[], Awaitable[None]],
        is_there: Callable[[str], bool],
    ) -> None:
        self._rostering = rostering
        self._exchange = exchange
        self._members = members
        self._clock = clock
        self._counters = counters
        self._keep_file = keep_file
        self._is_there = is_there
        self._to_push: dict[Signed, str] = {}
        self._to_compare: set[str] = set()
        self._comparing: set[str] = set()
        self._again: dict[str, tuple[float, float]] = {}
        self._something = asyncio.Event()
        rostering.tell = self.push
        rostering.meet = self.meet

    def push(self, news: News) -> None:
        """Tell a few peers of what is new here, but for whoever told this node."""
        for signed in news.documents:
            if len(self._to_push) < PUSHED_LIMIT:
                self._to_push[signed] = news.from_
        self._something.set()

    def is_back(self, name: str) -> None:
        """A way to a peer goes through again: that comparing failed before says nothing about now."""
        self._again.pop(name, None)

    def differs(self, name: str) -> None:
        """A peer's roster is another one: compare, unless that was done a moment ago."""
        self._to_compare.add(name)
        self._something.set()

    def meet(self, nodes: Sequence[str]) -> None:
        """Compare with some of these, those that are there before others."""
        for name in sorted(nodes, key=lambda node: (not self._is_there(node), random.random()))[:COMPARED_AT_START]:
            self.differs(name)

    async def run(self) -> None:
        """Until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._now_and_then(group), name="roster now and then")
            group.create_task(self._learn(), name="roster rumors")
            if self._rostering.may_be_behind:
                await self._catch_up()
            self._compare_with(group, self._some(COMPARED_AT_START))
            while True:
                await self._something.wait()
                self._something.clear()
                await asyncio.sleep(GATHER)
                if self._to_push:
                    self._push_now(group)
                wanted, self._to_compare = self._to_compare, set()
                self._compare_with(group, wanted)

    async def _catch_up(self) -> None:
        """Ask everybody who is in and who is out, before anything that members send is taken; for a moment only."""
        room = asyncio.Semaphore(ASKED_AT_ONCE)

        async def ask(name: str) -> None:
            async with room:
                await self._exchange.reconcile(name)

        try:
            async with asyncio.timeout(CATCH_UP_SECONDS), asyncio.TaskGroup() as group:
                for name in self._some(len(self._rostering.rows)):
                    group.create_task(ask(name), name=f"roster with {name}")
        except TimeoutError:
            pass  # whoever has not answered by now may be away for weeks
        finally:
            self._rostering.may_be_behind = False

    async def _learn(self) -> None:
        while True:
            await self._rostering.something_learned.wait()
            await self._rostering.take_learned()

    async def _now_and_then(self, group: asyncio.TaskGroup) -> None:
        compare_at = self._clock.monotonic() + COMPARE_EVERY * random.random()
        while True:
            await self._rostering.publish_card()
            await self._keep_file()
            if self._clock.monotonic() >= compare_at:
                compare_at = self._clock.monotonic() + COMPARE_EVERY * random.uniform(0.8, 1.2)
                self._compare_with(group, self._some(1))
                outside = self._members.aside.to_ask(self._clock.now())
                for member in random.sample(outside, k=min(1, len(outside))):
                    group.create_task(self._compare_outside(member), name=f"roster with {member.node}, which is out")
            await asyncio.sleep(CARD_EVERY)

    async def _compare_outside(self, member: Member) -> None:
        await self._exchange.compare(member)

    def _some(self, count: int) -> list[str]:
        """Peers by chance, those that are there before others."""
        names = [member.node for member in self._members.others()]
        return sorted(names, key=lambda name: (not self._is_there(name), random.random()))[:count]

    def _push_now(self, group: asyncio.TaskGroup) -> None:
        waiting, self._to_push = self._to_push, {}
        for name in self._some(FAN_OUT):
            documents = [signed for signed, from_ in waiting.items() if from_ != name]
            member = self._members.get(name)
            if documents and member is not None:
                group.create_task(self._say(member, documents), name=f"roster to {member.node}")

    async def _say(self, member: Member, documents: list[Signed]) -> None:
        await self._exchange.say(member, documents)

    def _compare_with(self, group: asyncio.TaskGroup, names: Iterable[str]) -> None:
        now = self._clock.monotonic()
        for name in names:
            not_before, _ = self._again.get(name, (0.0, 0.0))
            if name not in self._comparing and now >= not_before and self._members.get(name) is not None:
                self._comparing.add(name)
                group.create_task(self._compare(name), name=f"roster with {name}")

    async def _compare(self, name: str) -> None:
        """A peer with which comparing does not help is left alone for longer and longer."""
        before = self._rostering.digest()
        try:
            answered = await self._exchange.reconcile(name)
        finally:
            self._comparing.discard(name)
        now = self._clock.monotonic()
        if answered and self._rostering.digest() != before:
            self._again.pop(name, None)
            return
        _, delay = self._again.get(name, (0.0, AGAIN_FIRST / 2))
        delay = min(AGAIN_LAST, 2 * delay)
        self._again[name] = (now + delay * random.uniform(0.8, 1.2), delay)
        if len(self._again) > 4_096:
            self._again = {peer: entry for peer, entry in self._again.items() if self._members.get(peer) is not None}
