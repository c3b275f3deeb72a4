"""Brings rosters together: pushes what is new to a few peers at once, and compares with one peer what both have.

Everything travels in frames like messages do, and everything may be said twice. Peers that cannot be reached are no
failure: whoever meets them later compares.
"""

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from multifleet.channels.base import Carried, ChannelError, Parcel, Success, Target
from multifleet.core import packets
from multifleet.core.documents import Signed
from multifleet.core.frame import Header, Refusal
from multifleet.core.packets import RosterAsk, RosterTell
from multifleet.core.replay import learned_offset
from multifleet.node.aside import MAY_RETURN
from multifleet.node.clock import NodeClock
from multifleet.node.counters import Counters
from multifleet.node.delivery.attempts import Attempts
from multifleet.node.delivery.exchange import Exchange, NotAnswered
from multifleet.node.delivery.targets import Targets
from multifleet.node.members import Member, Members
from multifleet.node.roster.pages import differing, id_of, page, without
from multifleet.node.roster.rostering import Rostering

DIRECT = frozenset({"http", "memory"})
"""Channels that nobody else has to do with."""
ASK_SECONDS = 5.0
LAY_SECONDS = 10.0
PAGES_LIMIT = 64
"""Of one comparison, each way; what is left over is for the next."""


@dataclass(frozen=True, slots=True)
class Word:
    """What became of documents for a peer that had not answered."""

    told: bool
    """Whether it has answered now."""
    where: str
    """Where they lie for it, in words; empty where they lie nowhere."""


class NotCompared(Exception):
    """The peer did not answer."""


@dataclass(frozen=True, slots=True)
class RosterExchange:
    """Asks and answers, for one node."""

    rostering: Rostering
    members: Members
    exchange: Exchange
    attempts: Attempts
    targets: Targets
    clock: NodeClock
    counters: Counters
    heard: Callable[[Member, str], None]

    async def answer(self, member: Member, to: Header, asked: RosterAsk) -> bytes:
        """What a peer said or asked, taken and answered."""
        # Taking it twice changes nothing, so no nonce is kept; hence it is no sign of life: it may be recorded.
        merged = await self.rostering.take(asked.documents, member.node)
        roster = self.rostering.roster
        mine = roster.buckets()
        wanted = self._for(member, differing(mine, asked.buckets)) if asked.buckets else []
        documents, more = page(wanted, asked.after)
        tell = RosterTell(
            re=to.nonce,
            time=int(self.clock.now()),
            buckets=mine,
            documents=documents,
            more=more,
            refused=len(merged.refused),
        )
        return self.exchange.tell(member, to, tell)

    async def reconcile(self, node: str) -> bool:
        """Compare with a peer until both have the same; whether it answered to the end."""
        member = self.members.get(node)
        return member is not None and await self.compare(member)

    async def compare(self, member: Member) -> bool:
        """The same; it may be one that is out, and is told as little as may bring it back."""
        try:
            theirs, told = await self._pull(member)
            differ = differing(self.rostering.roster.buckets(), theirs)
            await self._hand_over(member, without(self._for(member, differ), told))
        except NotCompared as error:
            self.counters.failed("roster_not_compared", peer=member.node, reason=error)
            return False
        if not member.removed:
            self.rostering.met.note(member.node)
        return True

    def _for(self, member: Member, buckets: Sequence[int]) -> list[Signed]:
        """What this machine may be told: who is out, but may return, no addresses; who is out, only why."""
        roster = self.rostering.roster
        if not member.removed:
            return roster.documents(buckets)
        outsider = self.members.aside.of(member)
        if outsider is not None and outsider.how in MAY_RETURN:
            return roster.documents(buckets, ("admission", "revocation", "leave"))
        return [held.signed for held in roster.held("revocation", member.row.ed25519.hex())]

    async def say(self, member: Member, documents: Sequence[Signed]) -> bool:
        """Hand documents to a peer; whether it answered. It may be one that was put out just now."""
        try:
            await self._hand_over(member, documents)
        except NotCompared:
            return False
        return True

    async def leave_for(self, member: Member, documents: Sequence[Signed], seconds: float) -> Word:
        """Lay documents, a few, where a peer that does not answer finds them for so long, by every way that parks."""
        asked = RosterAsk(time=int(self.clock.now()), documents=page(documents)[0])
        made, nonce = self.exchange.ask(member, asked)
        target = self.targets.of(member)
        parcel = Parcel(made, tuple(map(id_of, asked.documents)), expires=int(self.clock.now() + seconds))
        names = [facts.name for facts in self.targets.route("task", target) if facts.parks]
        found = await asyncio.gather(*(self._lay(name, target, parcel) for name in names))
        told = False
        for carried in found:
            if carried is not None and carried.success is Success.ANSWERED:
                with contextlib.suppress(NotAnswered):
                    self.exchange.open_told(member, nonce, carried.answer, packets.read_told)
                    told = True
        parked = [
            f"{name}: {carried.where}"
            for name, carried in zip(names, found, strict=True)
            if carried is not None and carried.success is Success.PARKED
        ]
        return Word(told, "; ".join(parked))

    async def _lay(self, name: str, target: Target, parcel: Parcel) -> Carried | None:
        try:
            async with asyncio.timeout(LAY_SECONDS):
                return await self.targets.channels[name].deliver(target, parcel)
        except (TimeoutError, ChannelError) as error:
            reason = str(error) or f"no answer in {LAY_SECONDS:g} s"
            self.counters.failed("roster_not_left", peer=target.node, channel=name, reason=reason)
            return None

    async def _pull(self, member: Member) -> tuple[Sequence[str], set[Signed]]:
        """Take what the peer has and this node lacks; its digests, and all that it told."""
        mine = self.rostering.roster.buckets()
        told: set[Signed] = set()
        after, buckets = "", mine
        for _ in range(PAGES_LIMIT):
            answer = await self._ask(member, RosterAsk(time=int(self.clock.now()), buckets=mine, after=after))
            buckets = answer.buckets if not told else buckets
            told |= set(answer.documents)
            await self.rostering.take(answer.documents, member.node)
            if not answer.more or not answer.documents:
                break
            after = id_of(answer.documents[-1])
        return buckets, told

    async def _hand_over(self, member: Member, documents: Sequence[Signed]) -> None:
        rest = list(documents)
        while rest:
            now, _ = page(rest)
            await self._ask(member, RosterAsk(time=int(self.clock.now()), documents=now))
            rest = rest[len(now) :]

    async def _ask(self, member: Member, asked: RosterAsk) -> RosterTell:
        """One round trip; a second one when the peer said that our clock is off."""
        for second in (False, True):
            made, nonce = self.exchange.ask(member, asked)
            asked_at = self.clock.monotonic()
            carried = await self._carry(member, made)
            try:
                told = self.exchange.open_told(member, nonce, carried.answer, packets.read_told)
            except NotAnswered as error:
                raise NotCompared(str(error)) from None
            if not member.removed:
                self.heard(member, carried.where)
            if isinstance(told, RosterTell):
                return told
            offset = learned_offset(asked_at, self.clock.monotonic(), told.time, self.clock.now())
            if told.refusal != Refusal.OUTSIDE_WINDOW or offset is None or second or member.removed:
                raise NotCompared(f"it said: {told.reason or told.refusal}")
            self.attempts.learn_offset(member, offset)
        raise NotCompared("its clock cannot be learned")

    async def _carry(self, member: Member, made: bytes) -> Carried:
        """By the first channel that brings an answer; to who is out, straight or not at all."""
        target = self.targets.of(member)
        reasons = []
        for name in self._ways(member, target):
            try:
                async with asyncio.timeout(ASK_SECONDS):
                    carried = await self.targets.channels[name].deliver(target, Parcel(made))
            except TimeoutError:
                reasons.append(f"{name}: no answer in {ASK_SECONDS:g} s")
            except ChannelError as error:
                reasons.append(f"{name}: {error}")
            else:
                if carried.success is Success.ANSWERED:
                    return carried
                reasons.append(f"{name}: only {carried.success}")
        raise NotCompared("; ".join(reasons) or "no channel that answers")

    def _ways(self, member: Member, target: Target) -> list[str]:
        names = [facts.name for facts in self.targets.route("sync", target) if facts.answers]
        return sorted((name for name in names if not member.removed or name in DIRECT), key=lambda n: n not in DIRECT)
