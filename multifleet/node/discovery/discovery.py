"""Where the other nodes may be, by everything that says something about it: mDNS, Tailscale, the configuration.

All of it is hints. `hints` is for those who try addresses; `listing` is for people. Also notices when this machine's
own addresses are others than before, so that they are announced at once.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence

from multifleet.config import DEFAULT_PORT, split_address
from multifleet.core.sightings import Sighting, Sightings, Way, reachable
from multifleet.node.counters import Counters
from multifleet.node.discovery.address_watch import AddressWatch
from multifleet.node.discovery.announcement import Announced
from multifleet.node.discovery.configured import EVERY as LOOK_UP_EVERY
from multifleet.node.discovery.configured import SOON as LOOK_UP_SOON
from multifleet.node.discovery.configured import look_up_all
from multifleet.node.discovery.mdns import Mdns
from multifleet.node.discovery.tailscale import Tailnet, Tailscale
from multifleet.node.enduring import Part, enduring

START_AFTER = 1.0
"""Seconds after the start: until then the daemon has more urgent things to do."""


class Discovery:
    """One for the node. `run` until cancelled."""

    def __init__(
        self,
        node: str,
        *,
        fleet: Callable[[], str],
        own_addresses: Callable[[], list[str]],
        addresses_of: Callable[[str], Sequence[str] | None],
        addresses_changed: Callable[[], None],
        configured: Mapping[str, Sequence[str]],
        counters: Counters,
        monotonic: Callable[[], float],
        mdns: bool,
        tailscale: bool,
        start_after: float = START_AFTER,
    ) -> None:
        self._fleet = fleet
        self._own_addresses = own_addresses
        self._addresses_of = addresses_of
        self._addresses_changed = addresses_changed
        self._configured = configured
        self._counters = counters
        self._monotonic = monotonic
        self._start_after = start_after
        self._sightings = Sightings(lambda name: addresses_of(name) is not None)
        self._announced_fleet = ""
        self.tailnet: tuple[str, ...] = ()
        """This machine's own IP addresses in a tailnet."""
        self._uses_mdns, self._uses_tailscale = mdns, tailscale
        self.mdns = Mdns(
            node,
            fleet=fleet,
            addresses=own_addresses,
            heard=self._heard,
            gone=lambda name: self._sightings.gone(name, Way.MDNS),
            counters=counters,
        )

    def hints(self, node: str) -> tuple[str, ...]:
        """ "host:port" where this node may be tried; nobody vouches for any of them."""
        return self._sightings.hints(node, self._monotonic())

    def listing(self) -> list[Sighting]:
        """All that was heard; `at` is on the node's monotonic clock."""
        return self._sightings.listing(self._monotonic())

    def fleet_changed(self) -> None:
        """This node is in another fleet now: what it heard of the last one does not count."""
        if self._fleet() != self._announced_fleet:
            self._announced_fleet = self._fleet()
            self._sightings.forget(Way.MDNS)
            self.mdns.renew()

    async def run(self) -> None:
        """All ways that are switched on."""
        self._announced_fleet = self._fleet()
        await asyncio.sleep(self._start_after)
        parts: dict[str, Part] = {"addresses": AddressWatch(self._own_addresses, self._moved).run}
        if self._configured:
            parts["configured machines"] = self._look_up
        if self._uses_tailscale:
            parts["tailscale"] = Tailscale(self._asked_tailscale, self._counters).run
        if self._uses_mdns:
            parts["mdns"] = self.mdns.run
        async with asyncio.TaskGroup() as group:
            for name, run in parts.items():
                group.create_task(enduring(name, run, self._counters), name=name)

    def _moved(self) -> None:
        self._counters.count("own_addresses_changed")
        self._addresses_changed()
        self.mdns.renew()

    def _heard(self, announced: Announced) -> None:
        self._saw(announced.node, Way.MDNS, announced.addresses)

    def _asked_tailscale(self, tailnet: Tailnet) -> None:
        if tailnet.own != self.tailnet:
            before = self._own_addresses()
            self.tailnet = tailnet.own
            if self._own_addresses() != before:
                self._moved()
        for name, hosts in tailnet.machines:
            known = self._addresses_of(name)
            if known is not None:
                ports = _ports(known)
                found = (reachable(host, port) for port in ports for host in hosts)
                self._saw(name, Way.TAILSCALE, filter(None, found))

    async def _look_up(self) -> None:
        again = LOOK_UP_SOON
        while True:
            found = await look_up_all(self._configured)
            for name, addresses in found.items():
                self._saw(name, Way.CONFIGURED, addresses)
            if len(found) == len(self._configured):
                again = LOOK_UP_SOON
                await asyncio.sleep(LOOK_UP_EVERY)
            else:
                await asyncio.sleep(again)
                again = min(2 * again, LOOK_UP_EVERY)

    def _saw(self, node: str, way: Way, addresses: Iterable[str]) -> None:
        if not self._sightings.saw(node, way, addresses, self._monotonic()):
            self._counters.count("sighting_refused")


def _ports(addresses: Sequence[str]) -> list[int]:
    """The ports of these addresses, at most two; the default where they have none."""
    ports: dict[int, None] = {}
    for address in addresses:
        try:
            ports[split_address(address)[1]] = None
        except ValueError:
            continue
    return list(ports)[:2] or [DEFAULT_PORT]
