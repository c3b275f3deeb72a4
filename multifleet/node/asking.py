"""Small signed questions between nodes, both halves: asks a peer over whatever answers at once, and answers.

A question travels in a frame like messages do, so who asks is proved before it is read. A frame that comes twice is
answered once: what is recorded and sent again does nothing.
"""

import asyncio
from collections import OrderedDict, defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import msgspec

from multifleet.channels.base import Carried, Carry, ChannelError, Parcel, Success
from multifleet.channels.race import first_of
from multifleet.core import asks, packets
from multifleet.core.asks import Ask, Question, Told
from multifleet.core.frame import Header
from multifleet.core.packets import REASON_LIMIT, BadPacket, Wire
from multifleet.core.replay import learned_offset
from multifleet.core.strict import NotStrict
from multifleet.errors import MultifleetError, StoreUnavailable
from multifleet.node.clock import NodeClock
from multifleet.node.counters import Counters
from multifleet.node.delivery.attempts import Attempts
from multifleet.node.delivery.exchange import Exchange, NotAnswered
from multifleet.node.delivery.health import Health
from multifleet.node.delivery.targets import Targets
from multifleet.node.members import Member, Members
from multifleet.store.nonces import Nonces

REMEMBERED = 4_096
"""Questions of one peer that are known again; those of the last ten minutes, unless there are more."""
NEXT_AFTER = 1.5
"""Seconds of one channel's silence after which the next one is asked as well."""
KEPT = 660.0
"""Seconds; the window of a frame has closed before."""
AHEAD = 3.0
"""Seconds by which a question may come from the future while frames from before the start might still come again."""

Handler = Callable[[str, Any], Awaitable[msgspec.Struct]]


class Declined(ChannelError):
    """The peer itself has answered, and refused."""


class _Kept(ChannelError):
    """Somebody keeps the question for the peer, who takes none that was kept."""


@dataclass(frozen=True, slots=True)
class _Kind:
    form: type[Question]
    answer: Handler


class Asking:
    """One for the node."""

    def __init__(
        self,
        members: Members,
        targets: Targets,
        exchange: Exchange,
        attempts: Attempts,
        health: Health,
        clock: NodeClock,
        counters: Counters,
        heard: Callable[[Member, str], None],
        nonces: Nonces,
        noted_since: float,
        is_running: Callable[[], bool],
    ) -> None:
        """`noted_since`: since when the nonces of lasting questions are on disk. `is_running`: whether this is a
        daemon, and not a command that lives as long as one frame."""
        self._members = members
        self._targets = targets
        self._exchange = exchange
        self._attempts = attempts
        self._health = health
        self._clock = clock
        self._counters = counters
        self._heard = heard
        self._nonces = nonces
        self._noted_since = noted_since
        self._is_running = is_running
        self._kinds: dict[str, _Kind] = {}
        self._known: defaultdict[str, OrderedDict[str, float]] = defaultdict(OrderedDict)
        self._since = clock.now()

    def serve(self, form: type[msgspec.Struct], answer: Handler) -> None:
        """Answer questions of this form."""
        assert issubclass(form, Question)
        self._kinds[form.word()] = _Kind(form, answer)

    async def ask(self, node: str, question: msgspec.Struct, seconds: float) -> msgspec.Struct:
        """What a peer tells within so many seconds; ChannelError says why nothing.

        A way that stays silent does not use up the time of the others: the next one is asked beside it.
        """
        assert isinstance(question, Question)
        member = self._members.get(node)
        if member is None:
            raise ChannelError(f"{node} is no member")
        reasons: list[str] = []
        unknown, failure = False, ChannelError

        def failed(channel: str, error: ChannelError) -> None:
            nonlocal unknown, failure
            unknown = unknown or (error.unknown and not isinstance(error, _Kept))
            failure = Declined if isinstance(error, Declined) else failure
            reasons.append(f"{channel}: {error}")

        try:
            async with asyncio.timeout(seconds):
                ways = self._ways(member)
                told = await first_of(ways, lambda name: self._ask_by(member, question, name), NEXT_AFTER, failed)
                if told is not None:
                    return told
        except TimeoutError:
            reasons.append(f"no answer in {seconds:g} s")
            unknown = True
        raise failure("; ".join(reasons) or f"no channel to {node} answers", unknown=unknown)

    async def _ask_by(self, member: Member, question: Question, channel: str) -> Wire:
        carry = self._targets.channels[channel].deliver
        return await self._ask_over(member, question, carry, tells_address=channel == "http")

    async def ask_by(self, node: str, channel: str, question: Question, seconds: float) -> msgspec.Struct:
        """The same over one channel and no other."""
        return await self.ask_over(node, question, seconds, self._targets.channels[channel].deliver)

    async def ask_over(self, node: str, question: msgspec.Struct, seconds: float, carry: Carry) -> msgspec.Struct:
        """The same over any way that carries frames."""
        assert isinstance(question, Question)
        member = self._members.get(node)
        if member is None:
            raise ChannelError(f"{node} is no member")
        try:
            async with asyncio.timeout(seconds):
                return await self._ask_over(member, question, carry, tells_address=False)
        except TimeoutError:
            raise ChannelError(f"no answer in {seconds:g} s", unknown=True) from None

    def _ways(self, member: Member) -> list[str]:
        """Channels that answer, those that work first."""
        route = self._targets.route("repair", self._targets.of(member))
        health = self._health.of(member.node)
        names = [facts.name for facts in route if facts.answers]
        return sorted(names, key=lambda name: (name in health and not health[name].worth_trying, name != "http"))

    async def _ask_over(self, member: Member, question: Question, carry: Carry, *, tells_address: bool) -> Wire:
        try:
            return await self._ask_twice(member, question, carry, tells_address=tells_address)
        except NotAnswered as error:
            raise ChannelError(str(error), unknown=True) from None

    async def _ask_twice(self, member: Member, question: Question, carry: Carry, *, tells_address: bool) -> Wire:
        """Once more where the peer said that our clock is off."""
        target = self._targets.of(member)
        body = msgspec.Raw(packets.write(question))
        for second in (False, True):
            ask = Ask(time=int(self._clock.now()), what=question.word(), body=body)
            made, nonce = self._exchange.ask(member, ask)
            asked_at = self._clock.monotonic()
            carried: Carried = await carry(target, Parcel(made))
            if carried.success is not Success.ANSWERED:
                raise _Kept(f"{carried.success} at {carried.where}", unknown=True)
            told = self._exchange.open_told(member, nonce, carried.answer, asks.read_told)
            self._heard(member, carried.where if tells_address else "")
            offset = learned_offset(asked_at, self._clock.monotonic(), told.time, self._clock.now())
            if offset is not None:
                self._attempts.learn_offset(member, offset)
            if isinstance(told, Told) and not told.refusal:
                try:
                    return packets.read(told.body, question.tells)
                except (NotStrict, BadPacket) as error:
                    raise NotAnswered(f"{member.node} told something else ({error})") from None
            if told.refusal != "outside_window" or second:
                break
        raise Declined(f"{member.node} said: {told.reason or told.refusal.replace('_', ' ')}")

    async def answer(self, member: Member, to: Header, ask: Ask) -> bytes:
        """The signed answer to a peer's question."""
        now = self._clock.now()
        body, refusal, reason = msgspec.Raw(b"null"), "", ""
        kind = self._kinds.get(ask.what)
        # A command is always younger than the frame; what a lasting question did is on disk, whoever answered it.
        only_disk_knows = kind is not None and kind.form.lasting and not self._is_running()
        since = (self._noted_since if only_disk_knows else self._since) - 1.0
        if not (kind and kind.form.repeatable) and self._is_known(member.node, to, now, since):
            refusal = "replay"
        elif not (kind and kind.form.repeatable) and self._may_be_older(to, now):
            refusal = "outside_window"  # who asks learns the time from this answer, and asks again at once
        elif kind is None:
            refusal = "unknown_question"
            reason = f"it does not answer {ask.what}: turned off there, or an older version"
        elif kind.form.lasting and not await self._is_noted(member.node, to, now, otherwise=not only_disk_knows):
            refusal = "replay"
        else:
            try:
                question = packets.read(ask.body, kind.form)
                told = await kind.answer(member.node, question)
                body = msgspec.Raw(msgspec.json.encode(told))
            except (NotStrict, BadPacket) as error:
                refusal, reason = "bad_schema", str(error)
            except (MultifleetError, ChannelError) as error:
                refusal, reason = "refused", str(error)
        if refusal == "replay":
            self._counters.failed("ask_refused_replay", sender=member.node, what=ask.what)
        elif refusal:
            self._counters.failed("ask_refused", sender=member.node, what=ask.what, reason=reason)
        told_ = Told(re=to.nonce, time=int(self._clock.now()), body=body, refusal=refusal, reason=reason[:REASON_LIMIT])
        return self._exchange.tell(member, to, told_)

    async def _is_noted(self, node: str, to: Header, now: float, *, otherwise: bool) -> bool:
        """Whether it is on disk now that this frame was answered, and was not before: a clock alone cannot tell what
        came in the last second before a restart."""
        try:
            return await self._nonces.note(node, to.nonce, int(now + KEPT))
        except StoreUnavailable:
            return otherwise  # a machine whose disk is full is repaired all the same; a daemon still knows the frame

    def _may_be_older(self, to: Header, now: float) -> bool:
        """Whether a clock that is ahead may have stamped it before this daemon ran, and the one before answered it."""
        return now - self._since < KEPT and to.sent > now + AHEAD

    def _is_known(self, node: str, to: Header, now: float, since: float) -> bool:
        """Whether this very frame was answered before, or may have been by who ran before this one, being from before
        `since`."""
        known = self._known[node]
        while known and (len(known) > REMEMBERED or now - next(iter(known.values())) > KEPT):
            known.popitem(last=False)
        if to.nonce in known or to.sent < since:
            return True
        known[to.nonce] = now
        return False
