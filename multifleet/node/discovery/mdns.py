"""Says over multicast DNS (RFC 6762, RFC 6763) that this node is here, and hears who else says so.

What is heard is a hint that anybody on the network could have made up: it is checked for its shape, counted against
bounds, and handed on. Nothing here makes a member or moves an address, and a network without multicast costs nothing
but the hints.
"""

import asyncio
import contextlib
import hashlib
import ipaddress
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from multifleet.config import split_address
from multifleet.core.ids import is_node_id
from multifleet.core.sightings import ADDRESSES_LIMIT, fleet_tag, reachable
from multifleet.node.counters import Counters
from multifleet.node.discovery.guard import FloodGuard, datagram_is_for
from multifleet.node.discovery.interfaces import multicast_interfaces

if TYPE_CHECKING:
    from zeroconf import ServiceInfo, Zeroconf
    from zeroconf.asyncio import AsyncZeroconf

SERVICE = "_fleet-nerve._tcp.local."
VERSION = b"1"
AGAIN_SECONDS = 60.0
"""Until multicast is tried again where it cannot be had."""
ASK_SECONDS = 3.0
"""For the records that an announcement left out."""
ASKED_AT_ONCE = 16
"""Announcements with records missing that are remembered; the others are asked for when they come again."""
CLOSE_SECONDS = 2.0
NAMES_LIMIT = 1_000
"""Announcements of this fleet that are followed."""


@dataclass(frozen=True, slots=True)
class Announced:
    """What one node announces."""

    node: str
    fleet: str
    """The tag of its fleet."""
    addresses: tuple[str, ...]


class Mdns:
    """One for the node. `run` until cancelled; `renew` when the fleet or an address is another."""

    def __init__(
        self,
        node: str,
        *,
        fleet: Callable[[], str],
        addresses: Callable[[], Sequence[str]],
        heard: Callable[[Announced], None],
        gone: Callable[[str], None],
        counters: Counters,
        interfaces: Callable[[], list[str | int]] = multicast_interfaces,
    ) -> None:
        self._node = node
        self._fleet = fleet
        self._addresses = addresses
        self._heard = heard
        self._gone = gone
        self._counters = counters
        self._interfaces = interfaces
        self._changed = asyncio.Event()
        self._names: dict[str, str] = {}
        """Who was heard, by the names of announcements."""
        self._incomplete: asyncio.Queue[str] = asyncio.Queue(ASKED_AT_ONCE)
        self.problem: str | None = None
        """Why it does not work at the moment."""
        self.is_used = False
        """Whether it runs at all."""
        self.working = asyncio.Event()

    def renew(self) -> None:
        """Announce anew: the fleet, an address or an interface is another than before."""
        self._changed.set()

    async def run(self) -> None:
        """Announce and listen."""
        self.is_used = True
        while True:
            self._changed.clear()
            try:
                async with self._open() as multicast:
                    await self._serve(multicast)
            except OSError as error:
                problem = error.strerror or type(error).__name__
                if problem != self.problem:
                    self.problem = problem
                    self._counters.failed("mdns_unavailable", reason=problem)
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(AGAIN_SECONDS):
                        await self._changed.wait()
            finally:
                self.working.clear()
                self._names.clear()

    async def _serve(self, multicast: "AsyncZeroconf") -> None:
        from zeroconf import ServiceStateChange
        from zeroconf.asyncio import AsyncServiceBrowser

        def changed(zeroconf: "Zeroconf", service_type: str, name: str, state_change: ServiceStateChange) -> None:
            if state_change is ServiceStateChange.Removed:
                self._ended(name)
            elif len(name) < 200:
                self._look_up(zeroconf, name)

        for own in self._own_service():
            # The name has the fleet's tag in it; probing for another owner would let anybody deny it to us.
            await multicast.async_register_service(own, cooperating_responders=True)
        browser = AsyncServiceBrowser(multicast.zeroconf, SERVICE, handlers=[changed])
        asking = asyncio.create_task(self._ask(multicast.zeroconf), name="mdns questions")
        self.problem = None
        self.working.set()
        try:
            await self._changed.wait()
        finally:
            asking.cancel()
            await asyncio.gather(asking, return_exceptions=True)
            await browser.async_cancel()

    @contextlib.asynccontextmanager
    async def _open(self) -> AsyncIterator["AsyncZeroconf"]:
        interfaces = self._interfaces()
        if not interfaces:
            raise OSError(0, "no network interface is up")
        await asyncio.to_thread(_load)
        multicast = _zeroconf(interfaces)
        try:
            async with asyncio.timeout(CLOSE_SECONDS):
                await multicast.zeroconf.async_wait_for_start()
            for reader in multicast.zeroconf.engine.readers:
                hears = reader.transport.get_protocol()
                guard = FloodGuard(hears, datagram_is_for, self._counters, asyncio.get_running_loop().time)
                reader.transport.set_protocol(guard)
            yield multicast
        except TimeoutError:
            raise OSError(0, "multicast did not start") from None
        finally:
            # Also when cancelled: the goodbye tells the others at once, and the sockets must not stay.
            with contextlib.suppress(TimeoutError, OSError):
                async with asyncio.timeout(CLOSE_SECONDS):
                    await multicast.async_close()

    def _own_service(self) -> "list[ServiceInfo]":
        """This node's announcement; none where no other machine can reach it."""
        from zeroconf import ServiceInfo

        hosts, port = [], 0
        for address in self._addresses():
            host, its_port = split_address(address)
            if reachable(host, its_port) is not None:
                hosts.append(host)
                port = port or its_port
        if not hosts:
            return []
        tag = fleet_tag(self._fleet())
        name = name_of(self._node, tag)
        return [
            ServiceInfo(
                SERVICE,
                name,
                port=port,
                properties={"v": VERSION.decode(), "fleet": tag, "node": self._node},
                server=f"{name.partition('.')[0]}.fleet-nerve.local.",
                addresses=[ipaddress.ip_address(host).packed for host in hosts[:ADDRESSES_LIMIT]],
            )
        ]

    def _look_up(self, zeroconf: "Zeroconf", name: str) -> None:
        from zeroconf import ServiceInfo

        info = ServiceInfo(SERVICE, name)
        if zeroconf.cache.current_entry_with_name_and_alias(SERVICE, name) is None:
            return  # a record that outlived its announcement
        if info.load_from_cache(zeroconf):
            self._understand(name, info)
        elif not self._incomplete.full():
            self._incomplete.put_nowait(name)

    async def _ask(self, zeroconf: "Zeroconf") -> None:
        from zeroconf.asyncio import AsyncServiceInfo

        while True:
            name = await self._incomplete.get()
            info = AsyncServiceInfo(SERVICE, name)
            if await info.async_request(zeroconf, ASK_SECONDS * 1000):
                self._understand(name, info)

    def _understand(self, name: str, info: "ServiceInfo") -> None:
        found = announced(info.properties, info.parsed_addresses(), info.port)
        if found is None or name != name_of(found.node, found.fleet):
            self._counters.count("mdns_bad")
            self._ended(name)
        elif found.fleet == fleet_tag(self._fleet()) and found.node != self._node:
            if len(self._names) < NAMES_LIMIT:
                self._names[name] = found.node
                self._heard(found)

    def _ended(self, name: str) -> None:
        node = self._names.pop(name, None)
        if node is not None:
            self._gone(node)


def name_of(node: str, tag: str) -> str:
    """What a node's announcement is called: its id, cut where it and the fleet's tag would not fit into a label."""
    short = node if len(node) <= 46 else f"{node[:37]}-{hashlib.sha256(node.encode()).hexdigest()[:8]}"
    return f"{short}-{tag}.{SERVICE}"


def announced(texts: Any, hosts: Sequence[str], port: int | None) -> Announced | None:
    """What records say, once their shape is right; None where it is not."""
    if not isinstance(texts, dict) or texts.get(b"v") != VERSION:
        return None
    try:
        node = (texts.get(b"node") or b"").decode("ascii")
        fleet = (texts.get(b"fleet") or b"").decode("ascii")
    except UnicodeDecodeError:
        return None
    if not is_node_id(node) or len(fleet) != 16 or not set(fleet) <= set("0123456789abcdef"):
        return None
    addresses = [address for host in hosts[: 4 * ADDRESSES_LIMIT] if (address := reachable(host, port or 0))]
    return Announced(node, fleet, tuple(addresses[:ADDRESSES_LIMIT])) if addresses else None


def _load() -> None:
    """Costs some 20 ms, which nobody shall wait for."""
    import zeroconf.asyncio  # noqa: F401

    log = logging.getLogger("zeroconf")
    log.propagate = False
    log.setLevel(logging.CRITICAL)  # it would write strangers' text to standard error


def _zeroconf(interfaces: list[str | int]) -> "AsyncZeroconf":
    from zeroconf.asyncio import AsyncZeroconf

    try:
        return AsyncZeroconf(interfaces=list(interfaces))
    except RuntimeError as error:  # an interface went away in between
        raise OSError(0, str(error)) from None
