"""What is heard on the network about where nodes are: hints, each of which anybody could have made up.

A sighting says where a node may be tried, and nothing else: it makes nobody a member, and no address is believed for
it. Everything is bounded, so that who shouts loudest fills nothing. Time arrives as an argument.
"""

import hashlib
import ipaddress
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum

SIGHTINGS_LIMIT = 256
"""Of all ways together."""
ADDRESSES_LIMIT = 8
"""Of one node by one way."""
HINTS_LIMIT = 12
"""Of one node by all ways."""


class Way(StrEnum):
    """How a node was heard of, the most telling first."""

    MDNS = "mdns"
    TAILSCALE = "tailscale"
    CONFIGURED = "configured"


KEPT = {Way.MDNS: 9_000.0, Way.TAILSCALE: 180.0, Way.CONFIGURED: 600.0}
"""Seconds without a renewal after which a sighting is forgotten; that of mDNS is twice the lifetime of its records."""


@dataclass(frozen=True, slots=True)
class Sighting:
    """A node that was heard of, by one way."""

    node: str
    way: Way
    addresses: tuple[str, ...]
    """ "host:port", where the host is always an IP address."""
    at: float
    """When, on the clock of whoever keeps it."""


class Sightings:
    """All sightings; members go before strangers where there is no room for both."""

    def __init__(self, is_member: Callable[[str], bool]) -> None:
        self._is_member = is_member
        self._seen: dict[tuple[str, Way], Sighting] = {}

    def saw(self, node: str, way: Way, addresses: Iterable[str], now: float) -> bool:
        """Keep what was heard; False where there is no room for it."""
        self._forget_old(now)
        key = (node, way)
        if key not in self._seen and len(self._seen) >= SIGHTINGS_LIMIT and not self._make_room(node):
            return False
        self._seen[key] = Sighting(node, way, tuple(dict.fromkeys(addresses))[:ADDRESSES_LIMIT], now)
        return True

    def gone(self, node: str, way: Way) -> None:
        """It said goodbye, or its records ran out."""
        self._seen.pop((node, way), None)

    def forget(self, way: Way) -> None:
        """Nothing that was heard this way counts any more."""
        for key in [key for key in self._seen if key[1] is way]:
            del self._seen[key]

    def hints(self, node: str, now: float) -> tuple[str, ...]:
        """Addresses that are worth a try."""
        found = (self._seen.get((node, way)) for way in Way)
        fresh = (address for seen in found if seen is not None and not _is_old(seen, now) for address in seen.addresses)
        return tuple(dict.fromkeys(fresh))[:HINTS_LIMIT]

    def listing(self, now: float) -> list[Sighting]:
        """All of them, by node and way."""
        self._forget_old(now)
        order = list(Way)
        return sorted(self._seen.values(), key=lambda seen: (seen.node, order.index(seen.way)))

    def _forget_old(self, now: float) -> None:
        for key in [key for key, seen in self._seen.items() if _is_old(seen, now)]:
            del self._seen[key]

    def _make_room(self, node: str) -> bool:
        if not self._is_member(node):
            return False
        strangers = [key for key in self._seen if not self._is_member(key[0])]
        if not strangers:
            return False
        del self._seen[min(strangers, key=lambda key: self._seen[key].at)]
        return True


def fleet_tag(fleet: str) -> str:
    """What tells one fleet's announcements from another's, without naming the fleet."""
    return hashlib.sha256(b"mf1 mdns" + fleet.encode()).hexdigest()[:16]


def reachable(host: str, port: int) -> str | None:
    """ "host:port" of an address at which another machine can listen; None where none can.

    A loopback address would be this machine, a group is no machine, and a link-local IPv6 address says nothing
    without the interface.
    """
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if address.version == 6 else None
    if mapped is not None:
        address = mapped
    useless = address.is_loopback or address.is_multicast or address.is_unspecified
    if address.version == 6:
        useless = useless or address.is_link_local or address.scope_id is not None
    else:
        useless = useless or int(address) == 0xFFFF_FFFF
    if useless or not 0 < port < 65_536:
        return None
    return f"[{address}]:{port}" if address.version == 6 else f"{address}:{port}"


def _is_old(seen: Sighting, now: float) -> bool:
    return now - seen.at > KEPT[seen.way]
