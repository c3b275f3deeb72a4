"""Finds out whether a member is awake, step by step and the cheap ones first, and has it woken where it is not."""

import asyncio
from collections.abc import Callable

from multifleet.channels.base import ChannelError, Target
from multifleet.channels.cloud import CloudChannel
from multifleet.channels.wake import WakeChannel
from multifleet.core.cascade import OutcomeKind
from multifleet.errors import BadInput, PeerUnreachable, UnknownNode
from multifleet.node.delivery.attempts import Attempts
from multifleet.node.delivery.targets import Targets
from multifleet.node.events import ANYTHING, Events
from multifleet.node.members import Member, Members
from multifleet.operations.waking import CloudView, WakeStep, WakeView

HEALTH_SECONDS = 3.0
SSH_SECONDS = 6.0


class Waking:
    """One for the node."""

    def __init__(
        self,
        members: Members,
        targets: Targets,
        attempts: Attempts,
        events: Events,
        monotonic: Callable[[], float],
    ) -> None:
        self._members = members
        self._targets = targets
        self._attempts = attempts
        self._events = events
        self._monotonic = monotonic

    async def wake(self, node: str, timeout: float) -> WakeView:
        """What was tried; it is woken only where nothing says that it is awake."""
        member = self._members.get(node)
        if member is None:
            raise UnknownNode(f"no node {node} in this fleet: `multifleet peers` lists them")
        if node == self._members.identity.node:
            raise BadInput(f"{node} is this machine, and it is awake")
        steps: list[WakeStep] = []
        for channel, seconds in (("http", HEALTH_SECONDS), ("ssh", SSH_SECONDS)):
            step = await self._ask_by(member, channel, seconds)
            steps.append(step)
            if step.ok:
                return WakeView(node, True, steps)
        woken = await self._send(self._targets.of(member))
        steps.append(woken)
        if not woken.ok:
            return WakeView(node, self._targets.is_there(node), steps)
        heard = await self._heard(node, timeout)
        steps.append(heard)
        return WakeView(node, heard.ok, steps)

    async def cloud(self, text: str) -> CloudView:
        """Make a cloud session."""
        channel = self._targets.channels.get("cloud")
        if not isinstance(channel, CloudChannel):
            raise BadInput("this daemon has no cloud channel")
        try:
            fired = await channel.ask(text)
        except ChannelError as error:
            told = f"{error}: a session may have been created, look at your sessions before you ask again"
            raise PeerUnreachable(told if error.unknown else str(error)) from None
        return CloudView(fired.session, fired.url)

    async def _ask_by(self, member: Member, channel: str, seconds: float) -> WakeStep:
        name = "health" if channel == "http" else channel
        if why_not := self._targets.why_not(channel, self._targets.of(member)):
            return WakeStep(name, False, f"not tried: {why_not}")
        try:
            async with asyncio.timeout(seconds):
                outcome = await self._attempts.check(member, channel)
        except TimeoutError:
            return WakeStep(name, False, f"no answer in {seconds:g} s")
        if outcome.kind in (OutcomeKind.STORED, OutcomeKind.REFUSED_BY_PEER):
            return WakeStep(name, True, f"its daemon answers by {channel} at {outcome.where}")
        if outcome.kind is OutcomeKind.PARKED:
            return WakeStep(name, True, f"the machine is awake, and its daemon does not answer ({outcome.where})")
        return WakeStep(name, False, outcome.error or "no answer")

    async def _send(self, target: Target) -> WakeStep:
        channel = self._targets.channels.get("wake")
        if not isinstance(channel, WakeChannel) or "wake" in self._targets.config.channels.off:
            return WakeStep("wake", False, "not tried: turned off in the configuration")
        try:
            return WakeStep("wake", True, str(await channel.wake(target)))
        except ChannelError as error:
            return WakeStep("wake", False, str(error))

    async def _heard(self, node: str, seconds: float) -> WakeStep:
        began = self._monotonic()
        with self._events.watching(ANYTHING) as news:
            try:
                async with asyncio.timeout(seconds):
                    while not self._targets.is_there(node):
                        await news.wait()
                        news.clear()
            except TimeoutError:
                return WakeStep("wait", False, f"not heard in {seconds:g} s; what waits is sent when it is")
        return WakeStep("wait", True, f"heard after {self._monotonic() - began:.1f} s")
