"""Says over multicast DNS (RFC 6762, RFC 6763) that this node is here, and hears who else says so.

What is heard is a hint that anybody on the network could have made up: it is checked for its shape, counted against
bounds, and handed on. Nothing here makes a member or moves an address, and a network without multicast costs nothing
but the hints.
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from typing import TYPE_CHECKING

from multifleet.core.sightings import fleet_tag
from multifleet.loading import load
from multifleet.node.counters import Counters
from multifleet.node.discovery.announcement import (
    SERVICE,
    Announced,
    announced,
    heard_records,
    name_of,
    own_announcement,
)
from multifleet.node.discovery.guard import FloodGuard, datagram_is_for
from multifleet.node.discovery.interfaces import NO_INTERFACE, multicast_interfaces

if TYPE_CHECKING:
    from zeroconf import ServiceInfo, Zeroconf
    from zeroconf.asyncio import AsyncZeroconf

AGAIN_FIRST, AGAIN_SECONDS = 2.0, 60.0
"""Until multicast is tried again where it cannot be had: at first, as an interface that comes up may lack it for a
moment, and at the most; doubled each time."""
ASK_SECONDS = 3.0
"""For the records that an announcement left out."""
ASKED_AT_ONCE = 16
"""Announcements with records missing that are remembered; the others are asked for when they come again."""
CLOSE_SECONDS = 2.0
GOODBYES, GOODBYE_EVERY = 3, 0.125
LOOK_AGAIN_SECONDS = 60.0
"""Until what was announced is looked at again: nobody tells of an announcement that only goes on."""
NAMES_LIMIT = 1_000
"""Announcements of this fleet that are followed."""


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
        self._names: dict[str, Announced] = {}
        """Who was heard, by the names of announcements."""
        self._own: ServiceInfo | None = None
        """What the others may still remember of this node."""
        self._incomplete: asyncio.Queue[str] = asyncio.Queue(ASKED_AT_ONCE)
        self._again = AGAIN_FIRST
        self.problem: str | None = None
        """Why it does not work at the moment."""
        self.is_used = False
        """Whether it runs at all."""
        self.working = asyncio.Event()

    def renew(self) -> None:
        """Announce anew: the fleet, an address or an interface is another than before."""
        self._changed.set()

    async def run(self) -> None:
        """Announce and listen; say goodbye when cancelled."""
        self.is_used = True
        try:
            while True:
                self._changed.clear()
                await self._once()
        finally:
            # From where this machine is now: sockets that were opened before may have lost their address.
            with contextlib.suppress(TimeoutError, OSError):
                async with asyncio.timeout(CLOSE_SECONDS), self._open() as multicast:
                    await self._withdraw(multicast.zeroconf)

    async def _once(self) -> None:
        try:
            async with self._open() as multicast:
                await self._serve(multicast)
        except OSError as error:
            problem = error.strerror or type(error).__name__
            if problem != self.problem:
                self.problem = problem
                self._counters.failed("mdns_unavailable", reason=problem)
            again, self._again = min(self._again, AGAIN_SECONDS), min(2 * self._again, AGAIN_SECONDS)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(again):
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

        own = own_announcement(self._node, self._fleet(), self._addresses())
        if self._own is not None and (own is None or own.name != self._own.name):
            await self._withdraw(multicast.zeroconf)
        if own is not None:
            self._own = own
            # The name has the fleet's tag in it; probing for another owner would let anybody deny it to us.
            await multicast.async_register_service(own, cooperating_responders=True)
        browser = AsyncServiceBrowser(multicast.zeroconf, SERVICE, handlers=[changed])
        parts = [
            asyncio.create_task(self._ask(multicast.zeroconf), name="mdns questions"),
            asyncio.create_task(self._look_again(multicast.zeroconf), name="mdns announcements"),
        ]
        self.problem, self._again = None, AGAIN_FIRST
        self.working.set()
        ends = asyncio.create_task(self._changed.wait(), name="mdns changes")
        try:
            await asyncio.wait([ends, *parts], return_when=asyncio.FIRST_COMPLETED)
            for part in parts:
                if part.done():
                    part.result()  # a part that failed is missed: all of it begins anew
        finally:
            ends.cancel()
            for part in parts:
                part.cancel()
            await asyncio.gather(*parts, return_exceptions=True)
            await browser.async_cancel()

    async def _withdraw(self, zeroconf: "Zeroconf") -> None:
        """Say goodbye for what was announced, so that the others forget it at once."""
        if self._own is None:
            return
        for again in range(GOODBYES):
            if again:
                await asyncio.sleep(GOODBYE_EVERY)
            zeroconf.async_send(zeroconf.generate_service_broadcast(self._own, 0))
        self._own = None

    @contextlib.asynccontextmanager
    async def _open(self) -> AsyncIterator["AsyncZeroconf"]:
        interfaces = self._interfaces()
        if not interfaces:
            raise OSError(0, NO_INTERFACE)
        await load("zeroconf.asyncio")
        _silence()
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
            # Also when cancelled: the sockets must not stay. Nothing is said: whoever only moved is not gone.
            multicast.zeroconf.registry.async_remove(multicast.zeroconf.registry.async_get_service_infos())
            with contextlib.suppress(TimeoutError, OSError):
                async with asyncio.timeout(CLOSE_SECONDS):
                    await multicast.async_close()

    def _look_up(self, zeroconf: "Zeroconf", name: str) -> None:
        if zeroconf.cache.current_entry_with_name_and_alias(SERVICE, name) is None:
            return  # a record that outlived its announcement
        if not self._understand(zeroconf, name) and name not in self._names and not self._incomplete.full():
            self._incomplete.put_nowait(name)

    async def _ask(self, zeroconf: "Zeroconf") -> None:
        from zeroconf.asyncio import AsyncServiceInfo

        while True:
            name = await self._incomplete.get()
            await AsyncServiceInfo(SERVICE, name).async_request(zeroconf, ASK_SECONDS * 1000)
            self._understand(zeroconf, name)

    async def _look_again(self, zeroconf: "Zeroconf") -> None:
        while True:
            await asyncio.sleep(LOOK_AGAIN_SECONDS)
            for record in zeroconf.cache.async_entries_with_name(SERVICE)[:NAMES_LIMIT]:
                name = getattr(record, "alias", "")
                if name in self._names:
                    self._heard(self._names[name])
                if 0 < len(name) < 200:
                    self._look_up(zeroconf, name)
                await asyncio.sleep(0)  # there may be hundreds

    def _understand(self, zeroconf: "Zeroconf", name: str) -> bool:
        """Whether its records are all there."""
        records = heard_records(zeroconf, name)
        if records is None:
            return False
        found = announced(*records)
        if found is None or name != name_of(found.node, found.fleet):
            self._counters.count("mdns_bad")
            self._ended(name)
        elif found.fleet == fleet_tag(self._fleet()) and found.node != self._node:
            if name in self._names or len(self._names) < NAMES_LIMIT:
                self._names[name] = found
                self._heard(found)
        return True

    def _ended(self, name: str) -> None:
        before = self._names.pop(name, None)
        if before is not None:
            self._gone(before.node)


def _silence() -> None:
    log = logging.getLogger("zeroconf")
    log.propagate = False
    log.setLevel(logging.CRITICAL)  # it would write strangers' text to standard error


def _zeroconf(interfaces: list[str | int]) -> "AsyncZeroconf":
    from zeroconf.asyncio import AsyncZeroconf

    try:
        return AsyncZeroconf(interfaces=list(interfaces))
    except RuntimeError as error:  # an interface went away in between
        raise OSError(0, str(error)) from None
