"""What a node says of itself over multicast DNS, and what the records of another say once their shape is right."""

import hashlib
import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from multifleet.config import split_address
from multifleet.core.ids import is_node_id
from multifleet.core.sightings import ADDRESSES_LIMIT, fleet_tag, reachable

if TYPE_CHECKING:
    from zeroconf import ServiceInfo, Zeroconf

SERVICE = "_fleet-nerve._tcp.local."
VERSION = b"1"
_IN, _A, _TXT, _AAAA, _SRV = 1, 1, 16, 28, 33


@dataclass(frozen=True, slots=True)
class Announced:
    """What one node announces."""

    node: str
    fleet: str
    """The tag of its fleet."""
    addresses: tuple[str, ...]


def own_announcement(node: str, fleet: str, addresses: Sequence[str]) -> "ServiceInfo | None":
    """A node's own; None where no other machine can reach it."""
    from zeroconf import ServiceInfo

    hosts, port = [], 0
    for address in addresses:
        host, its_port = split_address(address)
        if reachable(host, its_port) is not None:
            hosts.append(host)
            port = port or its_port
    if not hosts:
        return None
    tag = fleet_tag(fleet)
    name = name_of(node, tag)
    return ServiceInfo(
        SERVICE,
        name,
        port=port,
        properties={"v": VERSION.decode(), "fleet": tag, "node": node},
        server=f"{name.partition('.')[0]}.fleet-nerve.local.",
        addresses=[ipaddress.ip_address(host).packed for host in hosts[:ADDRESSES_LIMIT]],
    )


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


def heard_records(zeroconf: "Zeroconf", name: str) -> tuple[Any, list[str], int] | None:
    """Texts, hosts and port of the newest announcement under a name; None while some of its records are missing.

    Records that a newer announcement replaced are kept a second more (RFC 6762 §10.2): they do not count, or somebody
    else's would hide those of the node that has just said where it is.
    """
    from zeroconf import ServiceInfo

    services, texts = _standing(zeroconf, name, _SRV), _standing(zeroconf, name, _TXT)
    if not services or not texts:
        return None
    server = str(services[-1].server)
    addresses = _standing(zeroconf, server, _A)[::-1] + _standing(zeroconf, server, _AAAA)[::-1]
    hosts = [str(ipaddress.ip_address(record.address)) for record in addresses]
    properties = ServiceInfo(SERVICE, name, properties=texts[-1].text).properties
    return (properties, hosts, int(services[-1].port)) if hosts else None


def _standing(zeroconf: "Zeroconf", name: str, kind: int) -> list[Any]:
    """The records of a name, the newest last."""
    from zeroconf import current_time_millis

    now = current_time_millis()
    records: list[Any] = [
        record
        for record in zeroconf.cache.async_all_by_details(name.lower(), kind, _IN)
        if record.ttl > 1 and not record.is_expired(now)
    ]
    return sorted(records, key=lambda record: record.created)
