"""The named repairs of this node's own side. None of them proves anything: only a signed round trip does."""

import asyncio
from collections.abc import Awaitable, Callable

from multifleet.channels.base import ChannelError
from multifleet.core.repairs import REPAIRS, Repair
from multifleet.errors import MultifleetError
from multifleet.node.counters import Counters
from multifleet.node.delivery.targets import Targets
from multifleet.node.enduring import tell
from multifleet.node.members import Member

SECONDS = 10.0
"""For one repair."""


class Mending:
    """One for the node."""

    def __init__(self, targets: Targets, counters: Counters, announce: Callable[[], str]) -> None:
        """`announce` looks at this node's addresses again and tells them; what it did, in words."""
        self._targets = targets
        self._counters = counters
        self._announce = announce
        self.relisten: Callable[[], Awaitable[str]] | None = None
        """Binds listeners again that do not answer; None where nobody listens."""

    async def own(self, channel: str, member: Member) -> list[str]:
        """What this node does before it says anything to the peer: its clients and connections are made anew."""
        return [await self._make(Repair.RENEW, channel, member)]

    async def asked(self, channel: str, member: Member) -> list[str]:
        """What this node does when a peer cannot reach it by a channel."""
        return [words for repair in REPAIRS.get(channel, ()) if (words := await self._make(repair, channel, member))]

    async def _make(self, repair: Repair, channel: str, member: Member) -> str:
        """What was done, in words; empty where it does not apply."""
        try:
            async with asyncio.timeout(SECONDS):
                if repair is Repair.RELISTEN:
                    words = await self.relisten() if self.relisten else ""
                elif repair is Repair.ANNOUNCE:
                    words = self._announce()
                else:
                    words = await self._renew(channel, member)
        except TimeoutError:
            words = f"{repair}: not done in {SECONDS:g} s"
        except (ChannelError, MultifleetError, OSError) as error:
            words = f"{repair}: {error}"
        except Exception as error:  # noqa: BLE001  one channel's fault must not end the healer; it is told
            tell(self._counters, "repair_fault", f"{repair} {channel}", error)
            words = f"{repair}: fault: {type(error).__name__}"
        self._counters.count(f"repair_{repair}")
        return words[:300]

    async def _renew(self, channel: str, member: Member) -> str:
        found = self._targets.channels.get(channel)
        if found is None:
            return ""
        target = self._targets.of(member)
        return self._targets.why_not(channel, target) or await found.mend(target)
