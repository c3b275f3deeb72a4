"""The diagnosis of a peer, and the channels to peers tried one by one, as a user asks for them."""

import asyncio
from typing import TYPE_CHECKING

from multifleet.core.cascade import Outcome, OutcomeKind
from multifleet.core.channel_state import ChannelHealth
from multifleet.core.diagnosis.diagnose import diagnose
from multifleet.core.routing import CHANNELS
from multifleet.errors import BadInput
from multifleet.node.diagnosis.gathering import gather
from multifleet.node.members import Member
from multifleet.operations.diagnosis_views import TriedView, WhyView

if TYPE_CHECKING:
    from multifleet.node.engine import Engine

CHECK_SECONDS = 12.0
"""For everything that is tried at one request; less than the command line waits."""
AT_ONCE = 32
_RESULTS = {
    OutcomeKind.STORED: "answers",
    OutcomeKind.REFUSED_BY_PEER: "answers",
    OutcomeKind.PARKED: "parked",
    OutcomeKind.NUDGED: "parked",
    OutcomeKind.FAILED: "fails",
}
DISTURBS = "it would wake a machine or tell somebody"


class Diagnosing:
    """One for the node."""

    def __init__(self, node: "Engine") -> None:
        self._node = node
        self._asked: dict[str, asyncio.Task[WhyView]] = {}

    async def why(self, name: str) -> WhyView:
        """What is wrong with a peer; who asks meanwhile for the same gets the same."""
        node = self._node
        if name == node.id:
            raise BadInput("this is this machine itself: multifleet doctor")
        if node.members.get(name) is None and not any(out.node == name for out in node.rostering.view.out.values()):
            node.members.need(name)
        task = self._asked.get(name)
        if task is None:
            task = self._asked[name] = asyncio.create_task(self._diagnose(name), name=f"why {name}")
            task.add_done_callback(lambda _: self._asked.pop(name, None))
        return await asyncio.shield(task)

    async def _diagnose(self, name: str) -> WhyView:
        found = diagnose(await gather(self._node, name))
        return WhyView(
            node=name,
            cause=found.cause.value,
            confidence=found.confidence.value,
            sentence=found.sentence,
            remedy=found.remedy,
            evidence=found.evidence,
            also=tuple(f"{other.cause.value} ({other.confidence.value})" for other in found.also),
        )

    async def check(self, name: str | None) -> list[TriedView]:
        """Every channel to one member or to all."""
        node = self._node
        members = [node.members.need(name)] if name is not None else list(node.members.others())
        slots = asyncio.Semaphore(AT_ONCE)
        until = asyncio.get_running_loop().time() + CHECK_SECONDS
        tries = [
            self._try(member, channel.name, slots, until)
            for member in sorted(members, key=lambda member: member.node)
            for channel in node.channels
        ]
        return list(await asyncio.gather(*tries))

    async def _try(self, member: Member, channel: str, slots: asyncio.Semaphore, until: float) -> TriedView:
        node = self._node
        facts = CHANNELS[channel]
        if why_not := node.targets.why_not(channel, node.targets.of(member)):
            return self._view(member, channel, "no way", reason=why_not)
        if facts.only_nudges:
            return self._view(member, channel, "not tried", reason=DISTURBS)
        began: float | None = None
        outcome: Outcome | None = None
        try:
            async with asyncio.timeout_at(until):
                async with slots:
                    began = node.clock.monotonic()
                    outcome = await node.attempts.check(member, channel)
        except TimeoutError:
            pass  # there is no outcome then
        if began is None:
            return self._view(member, channel, "not tried", reason="there was no time left for it")
        seconds = node.clock.monotonic() - began
        if outcome is None:
            return self._view(member, channel, "fails", seconds, reason=f"no answer in {seconds:.0f} s")
        return self._view(
            member, channel, _RESULTS[outcome.kind], seconds, where=outcome.where, reason=outcome.error or None
        )

    def _view(
        self,
        member: Member,
        channel: str,
        result: str,
        seconds: float | None = None,
        *,
        where: str | None = None,
        reason: str | None = None,
    ) -> TriedView:
        health = self._node.health_of_channels.of(member.node).get(channel, ChannelHealth())
        return TriedView(
            peer=member.node,
            channel=CHANNELS[channel].name,
            priority=CHANNELS[channel].priority,
            result=result,
            seconds=seconds,
            where=where,
            reason=reason,
            state=health.state.value,
        )
