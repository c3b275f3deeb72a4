"""The target's side of a repair: another node says that it does not reach this one by a channel, and this node does
what stands in the list for that channel, within its own limits. What else the other says is shown to people only.
"""

from collections.abc import Callable, Sequence

from multifleet.core.repair_limits import RepairLimits
from multifleet.core.repairs import REPAIRS, RepairAsk, RepairTold
from multifleet.core.visible import visible
from multifleet.node.clock import NodeClock
from multifleet.node.counters import Counters
from multifleet.node.healing.mending import Mending
from multifleet.node.members import Members

WORDS_LIMIT = 300


class RepairAnswering:
    """One for the node."""

    def __init__(
        self,
        members: Members,
        mending: Mending,
        clock: NodeClock,
        counters: Counters,
        addresses: Callable[[], Sequence[str]],
        is_running: Callable[[], bool],
    ) -> None:
        """`is_running`: whether a daemon answers, and not a command that only took the frame."""
        self._members = members
        self._mending = mending
        self._clock = clock
        self._counters = counters
        self._addresses = addresses
        self._is_running = is_running
        self._limits = RepairLimits()

    async def answer(self, asker: str, ask: RepairAsk) -> RepairTold:
        """Do it, and tell what was done."""
        member = self._members.get(asker)
        if member is None or not self._is_running():
            return RepairTold(acted=False, done=["no daemon runs there"], addresses=[])
        evidence = visible(ask.evidence, one_line=True)
        self._counters.failed("repair_asked", sender=asker, channels=",".join(ask.channels), reason=evidence)
        acted, done = False, []
        for channel in dict.fromkeys(ask.channels):
            if channel not in REPAIRS:
                done.append(f"{channel}: nothing can be done about it here")
                continue
            now = self._clock.monotonic()
            lately = self._limits.lately(channel, now)
            if lately is not None:
                acted = True
                done += [f"{channel}, a moment ago: {words}" for words in lately]
            elif refused := self._limits.take(asker, channel, now):
                self._counters.failed("repair_refused", sender=asker, channel=channel, reason=refused)
                done.append(f"{channel}: {refused}")
            else:
                words = await self._mending.asked(channel, member)
                self._limits.made(channel, tuple(words), self._clock.monotonic())
                acted = True
                done += [f"{channel}: {one}" for one in words]
        return RepairTold(
            acted=acted, done=[one[:WORDS_LIMIT] for one in done[:32]], addresses=list(self._addresses())[:16]
        )
