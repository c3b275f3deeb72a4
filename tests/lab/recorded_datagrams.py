"""Datagrams as they went over the wire, out of a packet capture."""

import struct
from pathlib import Path

from tests.lab.fleet_node import PORT
from tests.lab.recorded_frames import ETHERNET, IPV4, packets_of

UDP = 17


def recorded_datagrams(capture: Path, recipient: str, sender: str | None = None) -> list[bytes]:
    """What went to the recipient's UDP port, in order; of one sender's address, if it is given."""
    found = []
    for packet in packets_of(capture):
        if struct.unpack_from(">H", packet, 12)[0] != IPV4 or packet[ETHERNET + 9] != UDP:
            continue
        source, target = (_dotted(packet[ETHERNET + at : ETHERNET + at + 4]) for at in (12, 16))
        at = ETHERNET + (packet[ETHERNET] & 15) * 4
        port, length = struct.unpack_from(">HH", packet, at + 2)
        if target == recipient and port == PORT and sender in (None, source):
            found.append(packet[at + 8 : at + length])
    return found


def _dotted(address: bytes) -> str:
    return ".".join(map(str, address))
