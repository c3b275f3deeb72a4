"""Tries channels in the background: those that failed until they work again, and quick ones never tried once."""

import asyncio
import math
from collections.abc import Iterator

from multifleet.core.channel_state import PROBE_FIRST
from multifleet.core.routing import CHANNELS, Tier
from multifleet.node.clock import NodeClock
from multifleet.node.delivery.attempts import Attempts
from multifleet.node.delivery.health import Health
from multifleet.node.delivery.targets import Targets
from multifleet.node.members import Member

EVERY = 2.5
"""Seconds between two looks."""
ABSENT_EVERY = 60.0
"""Seconds between two probes of one channel to a peer that is not heard."""
AT_ONCE = 4
"""Probes of this node that run at one time."""


class Probing:
    """One for the node."""

    def __init__(self, targets: Targets, attempts: Attempts, health: Health, clock: NodeClock) -> None:
        self._targets = targets
        self._attempts = attempts
        self._health = health
        self._clock = clock
        self._probed: dict[tuple[str, str], float] = {}
        self._running: set[tuple[str, str]] = set()

    @property
    def running(self) -> int:
        """Probes under way."""
        return len(self._running)

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await asyncio.sleep(EVERY)
            self.look()

    def look(self) -> None:
        """Begin what is due, as far as there is room."""
        now = self._clock.monotonic()
        for member, channel in self._due():
            key = (member.node, channel)
            if len(self._running) >= AT_ONCE:
                return
            if key in self._running or not self._is_time(member.node, key, now):
                continue
            self._probed[key] = now
            self._running.add(key)
            self._attempts.spawn(self._probe(member, channel), f"probe of {channel} to {member.node}")

    def _due(self) -> Iterator[tuple[Member, str]]:
        for member in self._targets.members.others():
            due = dict.fromkeys((*self._health.due_for_a_probe(member.node), *self._may_be_back(member.node)))
            for channel in due:
                yield member, channel
            known = self._health.of(member.node)
            for name in self._targets.channels:
                if CHANNELS[name].tier is Tier.RACED and name not in known and (member.node, name) not in self._probed:
                    yield member, name

    def _may_be_back(self, node: str) -> Iterator[str]:
        """What fails although another way to the peer has come back: tried at once, and then after waits that double
        anew, for what lies between them may need a moment more."""
        back_at = self._health.back_at(node)
        if back_at is None:
            return
        now = self._clock.monotonic()
        for channel in self._health.failing(node):
            tried_at = self._probed.get((node, channel), -math.inf)
            if now - tried_at >= max(PROBE_FIRST, tried_at - back_at):
                yield channel

    def _is_time(self, node: str, key: tuple[str, str], now: float) -> bool:
        if self._targets.why_not(key[1], self._targets.of(self._targets.members.need(node))):
            return False
        last = self._probed.get(key)
        return last is None or self._targets.is_there(node) or now - last >= ABSENT_EVERY

    async def _probe(self, member: Member, channel: str) -> None:
        try:
            if not member.removed:
                await self._attempts.check(member, channel)
        finally:
            self._running.discard((member.node, channel))
