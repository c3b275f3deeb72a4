"""Stands before the ears of multicast DNS: only what names our service gets in, and only so much of it in a second.

A busy network has a hundred other things to say each second; they are dropped here, before anything is parsed.
"""

import asyncio
from collections.abc import Callable
from typing import Any

from multifleet.node.counters import Counters

DATAGRAM_LIMIT = 1_500
"""Bytes; an announcement of ours has some 400."""
RATE, BURST = 100.0, 300.0
"""Datagrams in a second, and at once: a fleet of a hundred that answers one question."""
OUR_LABEL = b"fleet-nerve"


def datagram_is_for(data: bytes) -> bool:
    """Whether it may be about our service: the first time that a name stands in a datagram it is written in full."""
    return len(data) <= DATAGRAM_LIMIT and OUR_LABEL in data.lower()


class FloodGuard(asyncio.DatagramProtocol):
    """Hands on what is wanted, as long as there is not too much of it."""

    def __init__(
        self,
        behind: Any,
        wanted: Callable[[bytes], bool],
        counters: Counters,
        now: Callable[[], float],
    ) -> None:
        self._behind = behind
        self._wanted = wanted
        self._counters = counters
        self._now = now
        self._left, self._at = BURST, now()

    def datagram_received(self, data: bytes, address: tuple[str, int]) -> None:
        if not self._wanted(data):
            return
        now = self._now()
        self._left = min(BURST, self._left + (now - self._at) * RATE)
        self._at = now
        if self._left < 1.0:
            self._counters.count("mdns_flooded")
            return
        self._left -= 1.0
        self._behind.datagram_received(data, address)

    def error_received(self, error: Exception) -> None:
        """An interface that is going away; the watch on the addresses says so as well."""

    def connection_lost(self, error: Exception | None) -> None:
        self._behind.connection_lost(error)
