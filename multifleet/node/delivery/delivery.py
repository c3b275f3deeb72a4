"""Carries out what core.cascade decides for one batch to one peer, and learns from what came of each attempt."""

import asyncio
import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from multifleet.channels.base import Carried, Channel, ChannelError, Success, Target
from multifleet.core.cascade import Attempt, Cascade, Done, Outcome, OutcomeKind, Start, Wait
from multifleet.core.frame import Refusal
from multifleet.core.hedging import HedgeBudget
from multifleet.core.packets import Answer, MessageType
from multifleet.core.replay import learned_offset
from multifleet.core.routing import route
from multifleet.node.clock import NodeClock
from multifleet.node.counters import Counters
from multifleet.node.delivery.exchange import Asked, Exchange, NotAnswered
from multifleet.node.delivery.health import Health
from multifleet.node.delivery.hearing import Hearing
from multifleet.node.enduring import tell
from multifleet.node.members import Member, Members
from multifleet.store.rows import LogRow
from multifleet.store.store import Store

_ANOTHER = "{} is another machine now than when this was written"
BUDGET = 30.0
"""Seconds for one whole cascade."""


class Packed(Protocol):
    """A message as the outbox holds it."""

    @property
    def id(self) -> str: ...
    @property
    def packet(self) -> bytes: ...
    @property
    def type(self) -> MessageType: ...
    @property
    def key(self) -> str: ...


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
    their_have: int = 0
    stated_up_to: int = 0
    more_to_state: bool = False


@dataclass(frozen=True, slots=True)
class Answered:
    """One attempt that brought a signed answer."""

    asked: Asked
    answer: Answer


class Delivery:
    """One for the node."""

    def __init__(
        self,
        channels: Sequence[Channel],
        members: Members,
        exchange: Exchange,
        hearing: Hearing,
        health: Health,
        store: Store,
        clock: NodeClock,
        counters: Counters,
        heard: Callable[[Member, str], None],
        is_there: Callable[[str], bool],
        addresses: Callable[[Member], tuple[str, ...]],
    ) -> None:
        """`addresses`: where a member's frames may be posted."""
        self._channels: Mapping[str, Channel] = {channel.name: channel for channel in channels}
        self._members = members
        self._exchange = exchange
        self._hearing = hearing
        self._health = health
        self._store = store
        self._clock = clock
        self._counters = counters
        self._heard = heard
        self._is_there = is_there
        self._addresses = addresses
        self._hedges = HedgeBudget()
        self._numbers = itertools.count(1)
        self._group: asyncio.TaskGroup

    def start(self, group: asyncio.TaskGroup) -> None:
        """Attempts run in this group, so that a loser of a race runs on to its own end."""
        self._group = group

    async def deliver(self, node: str, batch: Sequence[Packed], log: Sequence[LogRow], *, alone: bool) -> Ended:
        """Try the channels of the route until one brings the peer's answer, or none is left."""
        member = self._members.get(node)
        if member is None:
            return Ended(answered=False, reason=f"{node} has not said hello yet")
        # What ends is the key, not the name: here alone, and for every way, it is decided for whom a message is sealed.
        key = member.row.ed25519.hex()
        not_its = tuple((message.id, _ANOTHER.format(node)) for message in batch if message.key not in ("", key))
        if not_its:
            return Ended(answered=False, not_its=not_its)
        self._hedges, may_hedge = self._hedges.take()
        cascade = Cascade(
            route(batch[0].type if batch else "context", self._channels),
            self._health.of(node),
            self._clock.monotonic() + BUDGET,
            backlog=len(batch) > 1 or not alone,
            hedge_allowed=may_hedge,
        )
        news = asyncio.Event()
        answers: list[Answered] = []
        while True:
            step = cascade.next(self._clock.monotonic())
            if isinstance(step, Done):
                break
            if isinstance(step, Start):
                attempt = self._attempt(member, step.attempt, batch, log, cascade, answers, news)
                try:
                    self._group.create_task(attempt, name=f"{step.attempt.channel} to {node}")
                except RuntimeError:
                    attempt.close()  # the node is stopping
                    raise
                continue
            await self._news(news, step)
        if may_hedge and not cascade.hedged:
            self._hedges = self._hedges.give_back()
        if answers:
            return self._summary(member, batch, answers[0])
        verdict = cascade.verdict
        return Ended(
            answered=False,
            reason=verdict.reason or f"no channel to {node}",
            unknown=verdict.unknown_outcome,
            peer_heard=self._is_there(node),
        )

    async def _news(self, news: asyncio.Event, step: Wait) -> None:
        try:
            async with asyncio.timeout(max(0.0, step.until - self._clock.monotonic())):
                await news.wait()
        except TimeoutError:
            pass  # the cascade decides what that means
        news.clear()

    async def _attempt(
        self,
        member: Member,
        attempt: Attempt,
        batch: Sequence[Packed],
        log: Sequence[LogRow],
        cascade: Cascade,
        answers: list[Answered],
        news: asyncio.Event,
    ) -> None:
        started = self._clock.monotonic()
        try:
            async with asyncio.timeout(attempt.timeout):
                answered, where = await self._ask(member, attempt.channel, batch, log, next(self._numbers))
        except TimeoutError:
            outcome = Outcome(attempt, OutcomeKind.FAILED, f"no answer in {attempt.timeout:.3g} s", unknown=True)
        except (ChannelError, NotAnswered) as error:
            unknown = isinstance(error, NotAnswered) or error.unknown
            outcome = Outcome(attempt, OutcomeKind.FAILED, str(error), unknown=unknown)
        except Exception as error:  # noqa: BLE001  one channel's fault must not end the node; it is told and tried again
            tell(self._counters, "channel_fault", attempt.channel, error)
            outcome = Outcome(attempt, OutcomeKind.FAILED, f"fault: {type(error).__name__}", unknown=True)
        else:
            outcome = self._judge(member, attempt, answered, where, whole=not batch)
            if outcome.kind is OutcomeKind.STORED:
                answers.append(answered)
        ended = self._clock.monotonic()
        if outcome.kind is OutcomeKind.STORED:
            member.round_trip = ended - started
        cascade.record(outcome, ended)
        self._health.learn(member.node, outcome, ended - started)
        news.set()

    async def _ask(
        self, member: Member, channel: str, batch: Sequence[Packed], log: Sequence[LogRow], number: int
    ) -> tuple[Answered, str]:
        """One round trip; a second one when the peer said that our clock is off."""
        for second in (False, True):
            asked = self._exchange.request(member, [message.packet for message in batch], log, number)
            asked_at = self._clock.monotonic()
            carried = await self._channels[channel].deliver(Target(member.node, self._addresses(member)), asked.frame)
            answer = self._open(member, asked, carried)
            self._heard(member, carried.where)
            offset = learned_offset(asked_at, self._clock.monotonic(), answer.time, self._clock.now())
            if offset is not None:
                self.learn_offset(member, offset)
            if answer.refusal != Refusal.OUTSIDE_WINDOW or second:
                break
        return Answered(asked, answer), carried.where

    def _open(self, member: Member, asked: Asked, carried: Carried) -> Answer:
        if carried.success is not Success.ANSWERED:
            raise ChannelError(f"{carried.success} at {carried.where}")
        return self._exchange.open_answer(member, asked, carried.answer)

    def learn_offset(self, member: Member, offset: float) -> None:
        """A peer's clock is so far ahead of this one's."""
        if member.offset is None or abs(member.offset - offset) > 2.0:
            self._store.peers.offset_later(member.node, offset, self._clock.now())
            member.offset = offset

    def _judge(self, member: Member, attempt: Attempt, answered: Answered, where: str, *, whole: bool) -> Outcome:
        answer = answered.answer
        self._hearing.take_later(member, answer.log, whole=whole)
        if answered.asked.last_seq:
            self._store.inbox.forget_log(member.node, answer.have)
        if not answer.refusal:
            return Outcome(attempt, OutcomeKind.STORED, where=where)
        words = f"{member.node} said: {answer.reason or answer.refusal.replace('_', ' ')}"
        if answer.refusal in (Refusal.STORE_UNAVAILABLE, Refusal.REPLAY):
            # A replay means that an earlier copy was taken.
            unknown = answer.refusal == Refusal.REPLAY
            return Outcome(attempt, OutcomeKind.REFUSED_BY_PEER, words, unknown, where)
        return Outcome(attempt, OutcomeKind.FAILED, words, where=where)

    def _summary(self, member: Member, batch: Sequence[Packed], answered: Answered) -> Ended:
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
            their_have=answer.have,
            stated_up_to=answered.asked.last_seq,
        )
