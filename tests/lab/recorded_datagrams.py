"""Datagrams as they went over the wire, out of a packet capture."""

import struct
from pathlib import Path

from tests.lab.fleet_node import PORT
from tests.lab.machine import Machine
from tests.lab.recorded_frames import addresses_of, ends_of, packets_of

UDP = 17


def recorded_datagrams(capture: Path, recipient: Machine, sender: Machine) -> list[bytes]:
    """What one sent to the other's UDP port, in order, over IPv4 and IPv6."""
    found = []
    for packet in packets_of(capture):
        source, target, at, _ = ends_of(packet, UDP)
        port, length = struct.unpack_from(">HH", packet, at + 2) if at else (0, 0)
        if port == PORT and source in addresses_of(sender) and target in addresses_of(recipient):
            found.append(packet[at + 8 : at + length])
    return found
