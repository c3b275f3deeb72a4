"""Addresses of the machines that the configuration names: host names are looked up, in bounded time, now and then."""

import asyncio
import socket
from collections.abc import Mapping, Sequence

from multifleet.config import split_address
from multifleet.core.sightings import reachable

LOOKUP_SECONDS = 5.0
EVERY, SOON = 120.0, 2.0
"""Seconds between two looks; the shorter ones, doubled each time, while somebody's names have no address."""
AT_ONCE = 4
"""Names that are looked up together: the system's resolver blocks a thread for each."""


async def look_up_all(nodes: Mapping[str, Sequence[str]]) -> dict[str, tuple[str, ...]]:
    """IP addresses for the "host:port" of each node; who has none that resolves is left out."""
    room = asyncio.Semaphore(AT_ONCE)
    names = list(nodes)
    found = await asyncio.gather(*(_look_up(nodes[name], room) for name in names))
    return {name: addresses for name, addresses in zip(names, found, strict=True) if addresses}


async def _look_up(addresses: Sequence[str], room: asyncio.Semaphore) -> tuple[str, ...]:
    found: dict[str, None] = {}
    for address in addresses:
        try:
            host, port = split_address(address)
        except ValueError:
            continue
        known = reachable(host, port)
        for ip in [known] if known else await _resolve(host, port, room):
            found[ip] = None
    return tuple(found)


async def _resolve(host: str, port: int, room: asyncio.Semaphore) -> list[str]:
    loop = asyncio.get_running_loop()
    async with room:
        try:
            async with asyncio.timeout(LOOKUP_SECONDS):
                answers = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError, TimeoutError):
            return []
    return [address for answer in answers[:16] if (address := reachable(str(answer[4][0]), port)) is not None]
