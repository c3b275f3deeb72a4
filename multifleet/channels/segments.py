"""The network segments that this machine is on, the cards it has seen there, and packets for all machines of one."""

import asyncio
import ipaddress
import re
import socket
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from multifleet.core.magic_packet import PORT, magic_packet, read_mac

SPACING = 0.1
"""Seconds between two packets: one that is lost in a burst is not followed by the others."""
_ARP_TABLE = Path("/proc/net/arp")
_COMPLETE = 0x2
_ROW = re.compile(r"(\S+)\s+0x\w+\s+0x(\w+)\s+(\S+)\s")


@dataclass(frozen=True, slots=True)
class Segment:
    """One broadcast domain of IPv4, and this machine's address in it."""

    own: ipaddress.IPv4Address
    network: ipaddress.IPv4Network


def segments() -> list[Segment]:
    """Those of this machine's interfaces; point-to-point links have no broadcast."""
    import ifaddr

    found = []
    for adapter in ifaddr.get_adapters():
        for ip in adapter.ips:
            if isinstance(ip.ip, str) and ip.network_prefix <= 30:
                interface = ipaddress.IPv4Interface(f"{ip.ip}/{ip.network_prefix}")
                if not interface.is_loopback:
                    found.append(Segment(interface.ip, interface.network))
    return found


def segment_with(hosts: Iterable[str], among: Iterable[Segment]) -> Segment | None:
    """The segment on which one of these addresses lies; None where this machine is on none of theirs."""
    numbers = [number for host in hosts if (number := _ipv4(host)) is not None]
    for segment in among:
        if any(number in segment.network and number != segment.own for number in numbers):
            return segment
    return None


def cards_seen(table: Path = _ARP_TABLE) -> Mapping[str, bytes]:
    """Address: network card, of neighbours that answered lately; empty where the system does not tell."""
    try:
        text = table.read_text(encoding="ascii", errors="replace")
    except OSError:
        return {}
    found = {}
    for line in text.splitlines()[1:]:
        match = _ROW.match(line)
        mac = read_mac(match[3]) if match else None
        if match and mac and int(match[2], 16) & _COMPLETE:
            found[match[1]] = mac
    return found


async def send_magic(segment: Segment, mac: bytes, count: int) -> None:
    """Put so many packets on the segment; OSError where the system does not let it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
        out.setblocking(False)
        out.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        out.bind((str(segment.own), 0))
        for number in range(count):
            if number:
                await asyncio.sleep(SPACING)
            out.sendto(magic_packet(mac), (str(segment.network.broadcast_address), PORT))


def _ipv4(host: str) -> ipaddress.IPv4Address | None:
    try:
        return ipaddress.IPv4Address(host)
    except ValueError:
        return None
