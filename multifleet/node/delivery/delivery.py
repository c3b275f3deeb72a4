"""Carries out what core.cascade decides for one batch to one peer, and says what came of it."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from multifleet.channels.base import Target
from multifleet.core.cascade import KEPT_AFTER, Attempt, Cascade, Done, Start, Wait
from multifleet.core.hedging import HedgeBudget
from multifleet.core.receipts import State
from multifleet.core.routing import ChannelFacts, may_wait, quiet
from multifleet.node.clock import NodeClock
from multifleet.node.delivery.attempts import Answered, Attempts, Packed
from multifleet.node.delivery.health import Health
from multifleet.node.delivery.targets import Targets
from multifleet.node.members import Member, Members
from multifleet.store.rows import LogRow

_ANOTHER = "{} is another machine now than when this was written"
_ROUSES = "what may wait rouses nobody, and only ways that do lead to {}"
BUDGET = 30.0
"""Seconds for one whole cascade."""
CONFIRMED = frozenset({"alert"})
"""Types that go on over every channel until the recipient itself has confirmed."""


@dataclass(frozen=True, slots=True)
class Ended:
    """What came of one batch."""

    answered: bool
    reason: str = ""
    unknown: bool = False
    """Whether it may have arrived all the same."""
    peer_heard: bool = False
    taken: frozenset[str] = frozenset()
    """Messages that the peer has decided about: stored, or turned away."""
    unreadable: tuple[tuple[str, str], ...] = ()
    """Messages (id, reason) that the peer could not read at all."""
    not_its: tuple[tuple[str, str], ...] = ()
    """Messages (id, reason) that were accepted for another key; because of them nothing was sent."""
    sent: str = ""
    """Where all of it lies, or who was told of it, while nothing was answered."""
    again: bool = False
    """Whether it was broken off because the peer is there again."""
    channel: str = ""
    """The channel that brought the answer, or on which it was sent."""
    their_have: int = 0
    stated_up_to: int = 0
    more_to_state: bool = False


@dataclass(slots=True, eq=False)
class _Run:
    """A cascade under way."""

    news: asyncio.Event
    began: float
    is_over: Callable[[], bool]
    target: Target | None
    """The peer as it was just now, for the first attempt; the others look anew."""
    is_back: bool = False


class Delivery:
    """One for the node."""

    def __init__(
        self, attempts: Attempts, targets: Targets, members: Members, health: Health, clock: NodeClock
    ) -> None:
        self.attempts = attempts
        self._targets = targets
        self._members = members
        self._health = health
        self._clock = clock
        self._hedges = HedgeBudget()
        self._runs: dict[str, list[_Run]] = {}

    async def deliver(
        self,
        node: str,
        batch: Sequence[Packed],
        log: Sequence[LogRow],
        *,
        alone: bool,
        is_over: Callable[[], bool] = lambda: False,
    ) -> Ended:
        """Try the channels of the route until one brings the peer's answer, or none is left; none is begun once it
        `is_over`, all of the batch having come there by other ways."""
        member = self._members.get(node)
        if member is None:
            return Ended(answered=False, reason=f"{node} has not said hello yet")
        # What ends is the key, not the name: here alone, and for every way, it is decided for whom a message is sealed.
        key = member.row.ed25519.hex()
        not_its = tuple((message.id, _ANOTHER.format(node)) for message in batch if message.key not in ("", key))
        if not_its:
            return Ended(answered=False, not_its=not_its)
        # Statements alone go by every way that messages go; to ask whether somebody is there no dear way is taken.
        type = batch[0].type if batch else "repair" if log else "sync"
        target = self._targets.of(member)
        route = all_ways = self._targets.route(type, target)
        if batch and may_wait(batch[0].type, batch[0].urgency):
            route = quiet(all_ways)
        if all_ways and not route:
            return Ended(answered=False, reason=_ROUSES.format(node), peer_heard=target.is_there)
        self._hedges, may_hedge = self._hedges.take()
        cascade = self._cascade(target, route, type, backlog=len(batch) > 1 or not alone, may_hedge=may_hedge)
        news = asyncio.Event()
        answers: list[tuple[Answered, str]] = []
        run = _Run(news, self._clock.monotonic(), is_over, target)
        self._runs.setdefault(node, []).append(run)
        try:
            await self._play(member, cascade, run, batch, log, answers)
        finally:
            self._runs[node].remove(run)
        if may_hedge and not cascade.hedged:
            self._hedges = self._hedges.give_back()
        if answers:
            return self._summary(member, batch, *answers[0])
        verdict = cascade.verdict
        if batch and not is_over():
            for attempt in cascade.beside_parked(self._clock.monotonic()):
                self._begin(member, attempt, cascade, run, batch, log, answers)
        again = run.is_back and verdict.state is None
        return Ended(
            answered=False,
            reason=f"{node} is back" if again else verdict.reason or f"no channel to {node}",
            unknown=verdict.unknown_outcome,
            peer_heard=self._targets.is_there(node),
            again=again,
            sent=(verdict.where or "somewhere") if verdict.state is State.SENT else "",
            channel=verdict.channel or "",
        )

    def is_back(self, node: str) -> None:
        """The peer is there again: whoever still waits for a slow way to it begins anew."""
        now = self._clock.monotonic()
        for run in self._runs.get(node, ()):
            if now - run.began > KEPT_AFTER:
                run.is_back = True
                run.news.set()

    def arrived(self, node: str) -> None:
        """Something that is under way to the peer came there by another way."""
        for run in self._runs.get(node, ()):
            run.news.set()

    async def _play(
        self,
        member: Member,
        cascade: Cascade,
        run: "_Run",
        batch: Sequence[Packed],
        log: Sequence[LogRow],
        answers: list[tuple[Answered, str]],
    ) -> None:
        while not run.is_back and not run.is_over():
            step = cascade.next(self._clock.monotonic())
            if isinstance(step, Done):
                return
            if isinstance(step, Start):
                self._begin(member, step.attempt, cascade, run, batch, log, answers)
                continue
            await self._news(run.news, step)

    def _begin(
        self,
        member: Member,
        attempt: Attempt,
        cascade: Cascade,
        run: "_Run",
        batch: Sequence[Packed],
        log: Sequence[LogRow],
        answers: list[tuple[Answered, str]],
    ) -> None:
        target, run.target = run.target, None
        work = self._attempt(member, target, attempt, batch, log, cascade, answers, run.news)
        self.attempts.spawn(work, f"{attempt.channel} to {member.node}")

    def _cascade(
        self, target: Target, route: Sequence[ChannelFacts], type: str, *, backlog: bool, may_hedge: bool
    ) -> Cascade:
        return Cascade(
            route,
            self._health.of(target.node),
            self._clock.monotonic() + BUDGET,
            backlog=backlog,
            hedge_allowed=may_hedge,
            silent=self.attempts.silent(target.node, KEPT_AFTER),
            until_confirmed=type in CONFIRMED,
            by_speed=not self._targets.has_own_order(type, target),
        )

    async def _news(self, news: asyncio.Event, step: Wait) -> None:
        """An outcome, or the time is up: the cascade decides what that means."""
        wait = max(0.0, step.until - self._clock.monotonic())
        timer = asyncio.get_running_loop().call_later(wait, news.set)
        try:
            await news.wait()
        finally:
            timer.cancel()
        news.clear()

    async def _attempt(
        self,
        member: Member,
        target: Target | None,
        attempt: Attempt,
        batch: Sequence[Packed],
        log: Sequence[LogRow],
        cascade: Cascade,
        answers: list[tuple[Answered, str]],
        news: asyncio.Event,
    ) -> None:
        outcome, answered = await self.attempts.make(member, attempt, batch, log, target)
        if answered is not None:
            answers.append((answered, attempt.channel))
        cascade.record(outcome, self._clock.monotonic())
        news.set()

    def _summary(self, member: Member, batch: Sequence[Packed], answered: Answered, channel: str) -> Ended:
        answer = answered.answer
        taken: set[str] = set()
        unreadable: list[tuple[str, str]] = []
        for message, said in zip(batch, answer.answers, strict=False):
            if said.id == message.id:
                taken.add(message.id)
            elif said.outcome == "refused":
                taken.add(message.id)
                unreadable.append((message.id, said.reason))
        if batch and not taken:
            words = f"{member.node} answered without a word about a message"
            return Ended(answered=False, reason=words, unknown=True, peer_heard=True)
        return Ended(
            answered=True,
            peer_heard=True,
            taken=frozenset(taken),
            unreadable=tuple(unreadable),
            channel=channel,
            their_have=answer.have,
            stated_up_to=answered.asked.last_seq,
        )
