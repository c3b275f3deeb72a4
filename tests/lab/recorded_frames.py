"""Frames as they went over the wire, out of a packet capture: what an attacker on the network has."""

import struct
from collections.abc import Iterator
from pathlib import Path

from tests.lab.fleet_node import PORT

ETHERNET, IPV4, TCP = 14, 0x0800, 6


def recorded_frames(capture: Path, recipient: str) -> list[bytes]:
    """The bodies of all requests to /frames of the recipient's address, in the order of their streams."""
    found = []
    for stream in streams_to(capture, recipient).values():
        data = joined(stream)
        while (start := data.find(b"POST /frames ")) >= 0:
            head, separator, rest = data[start:].partition(b"\r\n\r\n")
            lengths = [line[15:] for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")]
            if not separator or not lengths:
                break
            length = int(lengths[0])
            if len(rest) < length:
                break
            found.append(rest[:length])
            data = rest[length:]
    return found


def streams_to(capture: Path, recipient: str) -> dict[tuple[bytes, int], dict[int, bytes]]:
    """(source address, source port) to the segments of that stream by sequence number."""
    streams: dict[tuple[bytes, int], dict[int, bytes]] = {}
    wanted = bytes(map(int, recipient.split(".")))
    for packet in packets_of(capture):
        kind = struct.unpack_from(">H", packet, 12)[0]
        if kind != IPV4 or packet[ETHERNET + 9] != TCP:
            continue
        header = (packet[ETHERNET] & 15) * 4
        length = struct.unpack_from(">H", packet, ETHERNET + 2)[0]
        source, target = packet[ETHERNET + 12 : ETHERNET + 16], packet[ETHERNET + 16 : ETHERNET + 20]
        at = ETHERNET + header
        port, target_port, sequence = struct.unpack_from(">HHI", packet, at)
        payload = packet[at + (packet[at + 12] >> 4) * 4 : ETHERNET + length]
        if target == wanted and target_port == PORT and payload:
            streams.setdefault((source, port), {})[sequence] = payload
    return streams


def packets_of(capture: Path) -> Iterator[bytes]:
    """The packets of a pcap file."""
    data = capture.read_bytes()
    order = "<" if data[:4] in (b"\xd4\xc3\xb2\xa1", b"\x4d\x3c\xb2\xa1") else ">"
    at = 24
    while at + 16 <= len(data):
        size = struct.unpack_from(f"{order}I", data, at + 8)[0]
        yield data[at + 16 : at + 16 + size]
        at += 16 + size


def joined(segments: dict[int, bytes]) -> bytes:
    """The bytes of a stream, retransmissions counted once, up to the first gap."""
    data, expected = b"", min(segments)
    for sequence in sorted(segments):
        payload = segments[sequence]
        if sequence > expected:
            break
        data += payload[expected - sequence :]
        expected = max(expected, sequence + len(payload))
    return data
