"""Frames as they went over the wire, out of a packet capture: what an attacker on the network has."""

import struct
from collections.abc import Iterator
from ipaddress import ip_address
from pathlib import Path

from tests.lab.fleet_node import PORT
from tests.lab.machine import Machine

ETHERNET, IPV4, IPV6, TCP = 14, 0x0800, 0x86DD, 6


def recorded_frames(capture: Path, recipient: Machine) -> list[bytes]:
    """The bodies of all requests to /frames of the recipient, in the order of their streams."""
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


def streams_to(capture: Path, recipient: Machine) -> dict[tuple[str, int], dict[int, bytes]]:
    """(source address, source port) to the segments of that stream by sequence number, over IPv4 and IPv6."""
    streams: dict[tuple[str, int], dict[int, bytes]] = {}
    wanted = addresses_of(recipient)
    for packet in packets_of(capture):
        source, target, at, end = ends_of(packet, TCP)
        if target not in wanted:
            continue
        port, target_port, sequence = struct.unpack_from(">HHI", packet, at)
        payload = packet[at + (packet[at + 12] >> 4) * 4 : end]
        if target_port == PORT and payload:
            streams.setdefault((source, port), {})[sequence] = payload
    return streams


def ends_of(packet: bytes, protocol: int) -> tuple[str, str, int, int]:
    """Who sent a packet to whom, where its header of this protocol starts, and where it ends; nobody: it has none."""
    kind = struct.unpack_from(">H", packet, 12)[0]
    if kind == IPV4 and packet[ETHERNET + 9] == protocol:
        at, first, size = ETHERNET + (packet[ETHERNET] & 15) * 4, ETHERNET + 12, 4
        end = ETHERNET + struct.unpack_from(">H", packet, ETHERNET + 2)[0]
    elif kind == IPV6 and packet[ETHERNET + 6] == protocol:
        at, first, size = ETHERNET + 40, ETHERNET + 8, 16
        end = at + struct.unpack_from(">H", packet, ETHERNET + 4)[0]
    else:
        return "", "", 0, 0
    source, target = (str(ip_address(packet[start : start + size])) for start in (first, first + size))
    return source, target, at, end


def addresses_of(machine: Machine) -> set[str]:
    """Both of them, as `ends_of` writes them: a daemon goes by whichever answers."""
    return {str(ip_address(address)) for address in (machine.ip, machine.ip6)}


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
