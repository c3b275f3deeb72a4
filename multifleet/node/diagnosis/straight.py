"""Notes when something authentic last came straight from each peer: a datagram, or a frame over HTTP."""

import asyncio
import ipaddress
from collections import defaultdict
from collections.abc import Callable
from functools import lru_cache

from multifleet.core.address import host_of


class Straight:
    """One for the node; moments are monotonic."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._last: dict[str, tuple[float, str]] = {}
        self._news: defaultdict[str, asyncio.Event] = defaultdict(asyncio.Event)

    def note(self, node: str, remote: str) -> None:
        """Something came from there; what came another way names no address."""
        if _names_a_number(remote):
            self._last[node] = (self._monotonic(), remote)
            if node in self._news:
                self._news.pop(node).set()

    def last(self, node: str) -> tuple[float, str] | None:
        """When, and from where."""
        return self._last.get(node)

    async def after(self, node: str, moment: float, seconds: float) -> bool:
        """Whether something comes after that moment, within so many seconds from now."""
        try:
            async with asyncio.timeout(seconds):
                while (last := self._last.get(node)) is None or last[0] <= moment:
                    await self._news[node].wait()
        except TimeoutError:
            return False
        return True


@lru_cache(8_192)
def _names_a_number(remote: str) -> bool:
    return is_number(host_of(remote))


def is_number(host: str) -> bool:
    """Whether a host is given by its address and not by a name."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
