"""The agent sessions of the other machines, as each of them tells: asked for when its facts say that something is new,
and when somebody wants to see them.

What a node told last is kept while it is a member; whether it is there is presence's to say.
"""

import asyncio
from collections.abc import Collection, Mapping

from multifleet.channels.base import ChannelError
from multifleet.core.presence.gossip import Facts
from multifleet.core.session_cards import (
    Known,
    SessionCard,
    SessionsAsk,
    SessionsTold,
    agrees,
    followed,
    is_news,
    marks,
    to_ask,
)
from multifleet.node.asking import Asking
from multifleet.node.clock import NodeClock
from multifleet.node.counters import Counters
from multifleet.node.members import Members

AT_ONCE = 16
"""Nodes that are asked at the same time."""
EVERY = 5.0
"""Seconds between two rounds of questions that facts led to."""
SECONDS = 3.0
"""For one question of these."""


class RemoteSessions:
    """One for the node."""

    def __init__(self, members: Members, asking: Asking, clock: NodeClock, counters: Counters) -> None:
        self._members = members
        self._asking = asking
        self._clock = clock
        self._counters = counters
        self._known: dict[str, Known] = {}
        self._answered: dict[str, tuple[int, str, tuple[str, ...]]] = {}
        """The marks of the facts that a node had sent when it answered last."""
        self._wanted: dict[str, Facts] = {}
        self._wants = asyncio.Event()
        self._slots = asyncio.Semaphore(AT_ONCE)
        self.changed = asyncio.Event()
        """Set whenever `cards` is another one; who waits for it clears it."""

    def cards(self) -> Mapping[str, tuple[SessionCard, ...]]:
        """The sessions of each other member that has ever told, as it did last."""
        return {node: known.cards for node, known in self._known.items()}

    def known(self, node: str) -> Known | None:
        """The same of one, with its age; None where it never told."""
        return self._known.get(node)

    def facts_came(self, node: str, facts: Facts) -> None:
        """A peer has told its facts; called for each that comes, and cheap."""
        if to_ask(facts, self._answered, node):
            self._wanted[node] = facts
            self._wants.set()
        elif (before := self._known.get(node)) is not None:
            self._keep(node, before, followed(before, facts.doing, self._clock.monotonic()))

    def members_changed(self) -> None:
        """Somebody was let in, or is out."""
        there = {member.node for member in self._members.others()}
        gone = self._known.keys() - there
        for node in gone:
            del self._known[node]
        for node in self._answered.keys() - there:
            del self._answered[node]
        if gone:
            self.changed.set()

    async def run(self) -> None:
        """Until cancelled: ask whose facts are news."""
        while True:
            await self._wants.wait()
            self._wants.clear()
            wanted, self._wanted = self._wanted, {}
            await asyncio.gather(*(self._follow(node, facts) for node, facts in wanted.items()))
            await asyncio.sleep(EVERY)

    async def look(self, nodes: Collection[str], seconds: float) -> dict[str, str]:
        """Ask these nodes now, each once; why of those that did not answer in time."""
        reasons = await asyncio.gather(*(self._ask(node, seconds) for node in nodes))
        return {node: reason for node, reason in zip(nodes, reasons, strict=True) if reason}

    async def _follow(self, node: str, facts: Facts) -> None:
        if facts.sessions == 0:
            self._learn(node, SessionsTold(cards=[]))
        elif reason := await self._ask(node, SECONDS):
            self._counters.failed("sessions_not_told", peer=node, reason=reason)
            return  # asked again when its facts come again, as where it told of another moment
        known = self._known.get(node)
        if known is not None and agrees(facts, known.cards, known.more):
            self._answered[node] = marks(facts)

    async def _ask(self, node: str, seconds: float) -> str:
        """Why it did not tell; empty where it did."""
        try:
            async with asyncio.timeout(seconds), self._slots:
                told = await self._asking.ask(node, SessionsAsk(), seconds)
        except TimeoutError:
            return f"no answer in {seconds:g} s"
        except ChannelError as error:
            return str(error)
        assert isinstance(told, SessionsTold)
        self._learn(node, told)
        return ""

    def _learn(self, node: str, told: SessionsTold) -> None:
        if self._members.get(node) is None:
            return  # it was put out while it answered
        self._keep(node, self._known.get(node), Known(tuple(told.cards), told.more, self._clock.monotonic()))

    def _keep(self, node: str, before: Known | None, after: Known) -> None:
        self._known[node] = after
        if is_news(before, after):
            self.changed.set()
