"""One attempt to carry a request to a peer over one channel: made within its time, judged, and learned from."""

import asyncio
import itertools
from collections import defaultdict
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from multifleet.channels.base import Carried, ChannelError, Parcel, Success, Target
from multifleet.core.cascade import Attempt, Outcome, OutcomeKind
from multifleet.core.channel_state import ERROR_LIMIT
from multifleet.core.fence import FencedMessage
from multifleet.core.frame import Refusal
from multifleet.core.packets import Answer, MessageType, Urgency
from multifleet.core.replay import Offset, learned_offset
from multifleet.core.routing import CHANNELS
from multifleet.node.clock import NodeClock
from multifleet.node.counters import Counters
from multifleet.node.delivery.exchange import Asked, Exchange, NotAnswered
from multifleet.node.delivery.health import Health
from multifleet.node.delivery.hearing import Hearing
from multifleet.node.delivery.targets import Targets
from multifleet.node.enduring import tell
from multifleet.node.members import Member
from multifleet.store.rows import LogRow
from multifleet.store.store import Store

Take = Callable[[bytes, str, str, bool], Awaitable[tuple[int, bytes]]]
"""(frame, where it came from, channel, whether it lay at rest) -> (status, answer)."""

_KINDS = {Success.PARKED: OutcomeKind.PARKED, Success.NUDGED: OutcomeKind.NUDGED}


class Packed(Protocol):
    """A message as the outbox holds it."""

    @property
    def id(self) -> str: ...
    @property
    def packet(self) -> bytes: ...
    @property
    def type(self) -> MessageType: ...
    @property
    def urgency(self) -> Urgency: ...
    @property
    def key(self) -> str: ...
    @property
    def expires(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Answered:
    """One attempt that brought a signed answer."""

    asked: Asked
    answer: Answer


class Attempts:
    """One for the node."""

    def __init__(
        self,
        targets: Targets,
        exchange: Exchange,
        hearing: Hearing,
        health: Health,
        store: Store,
        clock: NodeClock,
        counters: Counters,
        heard: Callable[[Member, str], None],
        take: Take,
        in_the_clear: Callable[[Sequence[Packed]], tuple[FencedMessage, ...]],
    ) -> None:
        """`take`: frames that waited for this node; `in_the_clear`: messages for channels that show them."""
        self._targets = targets
        self._exchange = exchange
        self._hearing = hearing
        self._health = health
        self._store = store
        self._clock = clock
        self._counters = counters
        self._heard = heard
        self._take = take
        self._in_the_clear = in_the_clear
        self._numbers = itertools.count(1)
        self._pending: defaultdict[str, dict[str, list[float]]] = defaultdict(dict)
        self._group: asyncio.TaskGroup

    def start(self, group: asyncio.TaskGroup) -> None:
        """Attempts run in this group, so that a loser of a race runs on to its own end."""
        self._group = group

    def spawn(self, work: Coroutine[Any, Any, None], name: str) -> None:
        """Begin one; RuntimeError while the node is stopping."""
        try:
            self._group.create_task(work, name=name)
        except RuntimeError:
            work.close()
            raise

    def silent(self, node: str, longer_than: float) -> frozenset[str]:
        """Channels on which an attempt has been waiting for the peer for longer than so many seconds."""
        now = self._clock.monotonic()
        return frozenset(
            channel for channel, since in self._pending[node].items() if since and now - since[0] > longer_than
        )

    async def make(
        self,
        member: Member,
        attempt: Attempt,
        batch: Sequence[Packed],
        log: Sequence[LogRow],
        target: Target | None = None,
    ) -> tuple[Outcome, Answered | None]:
        """Carry a batch and statements over one channel; its channel's health has learned of it when this returns.
        `target`: the member, where somebody has looked at it just now."""
        started = self._clock.monotonic()
        pending = self._pending[member.node].setdefault(attempt.channel, [])
        pending.append(started)
        answered = None
        try:
            async with asyncio.timeout(attempt.timeout):
                carried, asked, answer = await self._carry(
                    member, target or self._targets.of(member), attempt.channel, batch, log, next(self._numbers)
                )
        except TimeoutError:
            outcome = Outcome(attempt, OutcomeKind.FAILED, f"no answer in {attempt.timeout:.3g} s", unknown=True)
        except (ChannelError, NotAnswered) as error:
            unknown = isinstance(error, NotAnswered) or error.unknown
            outcome = Outcome(attempt, OutcomeKind.FAILED, str(error)[:ERROR_LIMIT], unknown=unknown)
        except Exception as error:  # noqa: BLE001  one channel's fault must not end the node; it is told and tried again
            tell(self._counters, "channel_fault", attempt.channel, error)
            outcome = Outcome(attempt, OutcomeKind.FAILED, f"fault: {type(error).__name__}", unknown=True)
        else:
            if answer is None:
                outcome = Outcome(attempt, _KINDS[carried.success], where=carried.where)
            else:
                answered = Answered(asked, answer)
                outcome = self._judge(member, attempt, answered, carried.where, whole=not batch)
            for frame in carried.brought:
                self.spawn(self._take_brought(frame, carried.where, attempt.channel), "brought")
        finally:
            if started in pending:
                pending.remove(started)
        took = self._clock.monotonic() - started
        if outcome.kind is OutcomeKind.STORED:
            member.round_trip = took
            # Who answers now is not silent, whatever became of a frame before.
            pending[:] = [since for since in pending if since > started]
        self._health.learn(member.node, outcome, took)
        return outcome, answered if outcome.kind is OutcomeKind.STORED else None

    async def check(self, member: Member, channel: str) -> Outcome:
        """Whether a channel leads to a peer: one empty request on that very channel."""
        facts = self._targets.facts(channel, self._targets.of(member))
        attempt = Attempt(0, channel, facts.timeout)
        if why_not := self._targets.why_not(channel, self._targets.of(member)):
            return Outcome(attempt, OutcomeKind.FAILED, why_not)
        outcome, _ = await self.make(member, attempt, (), ())
        return outcome

    async def _take_brought(self, frame: bytes, where: str, channel: str) -> None:
        status, _ = await self._take(frame, where, channel, True)
        if status not in (200, 409):
            self._counters.failed("brought_refused", channel=channel, status=status)

    async def _carry(
        self,
        member: Member,
        target: Target,
        channel: str,
        batch: Sequence[Packed],
        log: Sequence[LogRow],
        number: int,
    ) -> tuple[Carried, Asked, Answer | None]:
        """One round trip; a second one when the peer said that our clock is off."""
        expires = max((message.expires for message in batch), default=0)
        shown = self._in_the_clear(batch) if CHANNELS[channel].shows_text else ()
        for second in (False, True):
            asked = self._exchange.request(member, [message.packet for message in batch], log, number)
            asked_at = self._clock.monotonic()
            parcel = Parcel(asked.frame, tuple(message.id for message in batch), shown, expires)
            carried = await self._targets.channels[channel].deliver(target, parcel)
            if carried.success is not Success.ANSWERED:
                return carried, asked, None
            answer = self._exchange.open_answer(member, asked, carried.answer)
            self._heard(member, carried.where if channel == "http" else "")
            offset = learned_offset(asked_at, self._clock.monotonic(), answer.time, self._clock.now())
            if offset is not None:
                self.learn_offset(member, offset)
            if answer.refusal != Refusal.OUTSIDE_WINDOW or second:
                break
        return carried, asked, answer

    def learn_offset(self, member: Member, offset: Offset) -> None:
        """A peer's clock is so far ahead of this one's."""
        kept = member.learned_offset
        if kept is None or offset.replaces(kept):
            self._store.peers.offset_later(member.node, offset.seconds, self._clock.now())
            member.offset, member.offset_bound = offset.seconds, offset.bound

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
            return Outcome(attempt, OutcomeKind.REFUSED_BY_PEER, words, unknown, where, answer.refusal)
        return Outcome(attempt, OutcomeKind.FAILED, words, where=where, refusal=answer.refusal)
