"""Takes what lies here to recipients that do not come for it, as soon as they are heard; and throws out what is of no
member any more."""

import asyncio
from collections.abc import Sequence

from multifleet.channels.base import ChannelError, Here
from multifleet.errors import StoreDamaged, StoreUnavailable
from multifleet.node.relaying.relaying import Relaying
from multifleet.store.relayed import Relayed

EVERY = 2.0
"""Seconds between two looks at who is there, while something lies here."""
BRING_SECONDS = 10.0
PAUSE_FIRST, PAUSE_LAST = 2.0, 60.0
"""Seconds before it is tried again with one that did not take its mail."""
STRANGERS_EVERY = 60.0


class RelayRounds:
    """One for the node."""

    def __init__(self, relaying: Relaying, relayed: Relayed, here: Here) -> None:
        self._relaying = relaying
        self._relayed = relayed
        self._here = here
        self._there: frozenset[str] = frozenset()
        self._under_way: set[str] = set()
        self._pauses: dict[str, float] = {}
        self._not_before: dict[str, float] = {}

    async def run(self) -> None:
        """Until cancelled."""
        next_look = 0.0
        async with asyncio.TaskGroup() as group:
            while True:
                await self._news()
                now = self._here.monotonic()
                if now >= next_look:
                    next_look = now + STRANGERS_EVERY
                    await self._throw_out()
                for node in self._due(now):
                    self._under_way.add(node)
                    group.create_task(self._bring_all(node), name=f"mail to {node}")

    def is_back(self, node: str) -> None:
        """A way to a recipient goes through again: that it did not take its mail before says nothing about now."""
        self._not_before.pop(node, None)
        self._pauses.pop(node, None)

    async def _news(self) -> None:
        relaying = self._relaying
        try:
            async with asyncio.timeout(EVERY if relaying.holds_for else None):
                await relaying.news.wait()
        except TimeoutError:
            pass  # somebody may be there now who was not
        relaying.news.clear()

    def _due(self, now: float) -> Sequence[str]:
        there = frozenset(target.node for target in self._here.targets() if target.is_there)
        for node in there - self._there:
            self.is_back(node)
        self._there = there
        return [
            node
            for node in self._relaying.holds_for & there
            if node not in self._under_way
            and now >= self._not_before.get(node, 0.0)
            and self._relaying.desk(node).asks is None
        ]

    async def _bring_all(self, node: str) -> None:
        try:
            while await self._bring_some(node):
                self._pauses.pop(node, None)
            return
        except (ChannelError, StoreUnavailable, StoreDamaged) as error:
            self._here.count("relay_not_brought", peer=node, reason=error)
        finally:
            self._under_way.discard(node)
        pause = self._pauses[node] = min(PAUSE_LAST, 2 * self._pauses.get(node, PAUSE_FIRST / 2))
        self._not_before[node] = self._here.monotonic() + pause

    async def _bring_some(self, node: str) -> bool:
        """Whether there may be more."""
        frames = await self._relaying.held_for(node)
        if not frames:
            return False
        taken = await self._relaying.bring(node, frames, BRING_SECONDS)
        if not {held.mark for held in frames} & {one.mark for one in taken if one.done}:
            raise ChannelError("it takes nothing at present")
        return True

    async def _throw_out(self) -> None:
        members = {self._here.node, *(target.node for target in self._here.targets())}
        self._relaying.forget_desks(members)
        try:
            dropped = await self._relayed.drop_between_strangers(members)
        except (StoreUnavailable, StoreDamaged):
            return  # it is tried again
        if dropped:
            self._here.count("relay_dropped", frames=dropped, reason="from or for no member")
