"""mDNS on the loopback interface, for tests: announcements by anybody, and datagrams that are none."""

import asyncio
import ipaddress
import socket
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from uuid import uuid4

from zeroconf import ServiceInfo
from zeroconf.asyncio import AsyncZeroconf

from multifleet.node.counters import Counters
from multifleet.node.discovery.announcement import SERVICE, Announced, name_of
from multifleet.node.discovery.mdns import Mdns

LOOPBACK = ["127.0.0.1"]
GROUP = ("224.0.0.251", 5353)


@dataclass
class Ears:
    """One node's mDNS, and what came of it."""

    node: str
    fleet: str
    addresses: list[str]
    mdns: Mdns = field(init=False)
    heard: dict[str, Announced] = field(default_factory=dict)
    counters: Counters = field(default_factory=Counters)
    interfaces: list[str | int] = field(default_factory=lambda: [*LOOPBACK])
    times: int = 0
    """That anybody was heard."""

    def __post_init__(self) -> None:
        self.mdns = Mdns(
            self.node,
            fleet=lambda: self.fleet,
            addresses=lambda: self.addresses,
            heard=self._heard,
            gone=lambda node: self.heard.pop(node, None),
            counters=self.counters,
            interfaces=lambda: self.interfaces,
        )

    def _heard(self, found: Announced) -> None:
        self.heard[found.node] = found
        self.times += 1

    def hears(self, node: str) -> tuple[str, ...] | None:
        """The addresses of a node that was heard."""
        return self.heard[node].addresses if node in self.heard else None


@asynccontextmanager
async def listening(*all_ears: Ears) -> AsyncIterator[None]:
    """All of them at work."""
    tasks = [asyncio.create_task(ears.mdns.run(), name=f"mdns of {ears.node}") for ears in all_ears]
    try:
        async with asyncio.timeout(10):
            for ears in all_ears:
                await ears.mdns.working.wait()
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@asynccontextmanager
async def shouting(
    node: str, tag: str, hosts: Sequence[str], *, name: str | None = None, port: int = 8855
) -> AsyncIterator[None]:
    """Somebody who announces whatever he likes."""
    async with AsyncZeroconf(interfaces=list(LOOPBACK)) as anybody:
        info = ServiceInfo(
            SERVICE,
            name or name_of(node, tag),
            port=port,
            properties={"v": "1", "node": node, "fleet": tag},
            server=f"{uuid4().hex}.local.",
            addresses=[ipaddress.ip_address(host).packed for host in hosts],
        )
        await anybody.async_register_service(info, cooperating_responders=True)
        yield


def thrown(datagrams: Sequence[bytes]) -> None:
    """Datagrams to the group, as fast as they go."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as wire:
        wire.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(LOOPBACK[0]))
        for datagram in datagrams:
            wire.sendto(datagram, GROUP)


async def soon(condition: Callable[[], object], timeout: float = 10.0) -> None:
    """Wait for what other processes' datagrams bring about."""
    async with asyncio.timeout(timeout):
        while not condition():  # noqa: ASYNC110  no event tells it
            await asyncio.sleep(0.01)
