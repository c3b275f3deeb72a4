"""Finds out whether a member is awake, step by step and the cheap ones first, and has it woken where it is not."""

import asyncio
from collections.abc import Awaitable, Callable

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

ANSWERING = ("http", "nats", "relay")
HEALTH_SECONDS = 3.0
SSH_SECONDS = 6.0
DEATH_KNOWN = 6.0
"""Seconds after which a machine that is gone is no longer taken to be there."""


class Waking:
    """One for the node."""

    def __init__(
        self,
        members: Members,
        targets: Targets,
        attempts: Attempts,
        events: Events,
        monotonic: Callable[[], float],
        log_in: Callable[[Target], Awaitable[str]],
    ) -> None:
        """`log_in`: over SSH; as whom and where, or ChannelError."""
        self._members = members
        self._targets = targets
        self._attempts = attempts
        self._events = events
        self._monotonic = monotonic
        self._log_in = log_in

    async def wake(self, node: str, timeout: float) -> WakeView:
        """What was tried; it is woken only where nothing says that it is awake."""
        if node == self._members.identity.node:
            raise BadInput(f"{node} is this machine, and it is awake")
        member = self._members.get(node)
        if member is None:
            raise UnknownNode(f"no node {node} in this fleet: `multifleet peers` lists them")
        steps: list[WakeStep] = []
        for look in (self._health, self._ssh):
            steps.append(await look(member))
            if steps[-1].ok:
                return WakeView(node, True, steps)
        woken = await self._send(self._targets.of(member))
        steps.append(woken)
        if not woken.ok:
            return WakeView(node, await self._stays(node, timeout), steps)
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

    async def _health(self, member: Member) -> WakeStep:
        """Whether its daemon answers by any of the channels on which it would answer at once."""
        target = self._targets.of(member)
        names = [name for name in ANSWERING if name in self._targets.channels]
        names = [name for name in names if not self._targets.why_not(name, target)]
        found = await asyncio.gather(*(self._check(member, name) for name in names))
        answered = [words for ok, words in found if ok]
        words = answered[0] if answered else "; ".join(words for _, words in found)
        return WakeStep("health", bool(answered), words or "not tried: no channel leads there")

    async def _check(self, member: Member, channel: str) -> tuple[bool, str]:
        try:
            async with asyncio.timeout(HEALTH_SECONDS):
                outcome = await self._attempts.check(member, channel)
        except TimeoutError:
            return False, f"{channel}: no answer in {HEALTH_SECONDS:g} s"
        if outcome.kind in (OutcomeKind.STORED, OutcomeKind.REFUSED_BY_PEER):
            return True, f"its daemon answers by {channel}" + (f" at {outcome.where}" if outcome.where else "")
        return False, f"{channel}: {outcome.error or 'no answer'}"

    async def _ssh(self, member: Member) -> WakeStep:
        """Whether its SSH server lets this machine in, which a machine that sleeps does not."""
        target = self._targets.of(member)
        if why_not := self._targets.why_not("ssh", target):
            return WakeStep("ssh", False, f"not tried: {why_not}")
        try:
            async with asyncio.timeout(SSH_SECONDS):
                where = await self._log_in(target)
        except TimeoutError:
            return WakeStep("ssh", False, f"no login in {SSH_SECONDS:g} s")
        except ChannelError as error:
            return WakeStep("ssh", False, str(error))
        told = f"awake, for it lets {where} in; its daemon does not answer: `multifleet repair {member.node}`"
        return WakeStep("ssh", True, told)

    async def _send(self, target: Target) -> WakeStep:
        channel = self._targets.channels.get("wake")
        off = self._targets.config.channels.off + target.configured.channels.off
        if not isinstance(channel, WakeChannel) or "wake" in off:
            return WakeStep("wake", False, "not tried: turned off in the configuration")
        try:
            return WakeStep("wake", True, str(await channel.wake(target)))
        except ChannelError as error:
            return WakeStep("wake", False, str(error))

    async def _stays(self, node: str, seconds: float) -> bool:
        """Whether its datagrams are answered: that it was there a moment ago proves nothing of now."""
        with self._events.watching(ANYTHING) as news:
            try:
                async with asyncio.timeout(min(seconds, DEATH_KNOWN)):
                    while self._targets.is_there(node):
                        await news.wait()
                        news.clear()
            except TimeoutError:
                return seconds >= DEATH_KNOWN
        return False

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
