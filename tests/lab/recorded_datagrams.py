"""Datagrams as they went over the wire, out of a packet capture."""

import struct
from ipaddress import ip_address
from pathlib import Path

from tests.lab.fleet_node import PORT
from tests.lab.machine import Machine
from tests.lab.recorded_frames import ETHERNET, IPV4, packets_of

UDP, IPV6 = 17, 0x86DD


def recorded_datagrams(capture: Path, recipient: Machine, sender: Machine) -> list[bytes]:
    """What one sent to the other's UDP port, in order, over IPv4 and IPv6."""
    found = []
    for packet in packets_of(capture):
        source, target, at = _ends(packet)
        port, length = struct.unpack_from(">HH", packet, at + 2) if at else (0, 0)
        if port == PORT and source in _addresses(sender) and target in _addresses(recipient):
            found.append(packet[at + 8 : at + length])
    return found


def _ends(packet: bytes) -> tuple[str, str, int]:
    """Who sent a packet to whom, and where its UDP header starts; 0: it has none."""
    kind = struct.unpack_from(">H", packet, 12)[0]
    if kind == IPV4 and packet[ETHERNET + 9] == UDP:
        at, first, size = ETHERNET + (packet[ETHERNET] & 15) * 4, ETHERNET + 12, 4
    elif kind == IPV6 and packet[ETHERNET + 6] == UDP:
        at, first, size = ETHERNET + 40, ETHERNET + 8, 16
    else:
        return "", "", 0
    source, target = (str(ip_address(packet[start : start + size])) for start in (first, first + size))
    return source, target, at


def _addresses(machine: Machine) -> set[str]:
    return {str(ip_address(address)) for address in (machine.ip, machine.ip6)}
