"""A program that throws the datagrams of a file at an address, as fast as one core can, and says how many it threw.

    python flooder.py HOST PORT SECONDS FILE        FILE: one datagram in hex a line
"""

import socket
import sys
import time
from pathlib import Path


def flood(host: str, port: int, seconds: float, datagrams: list[bytes]) -> int:
    """How many were sent."""
    wire = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
    wire.connect((host, port))
    sent = 0
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        for datagram in datagrams:
            try:
                wire.send(datagram)
                sent += 1
            except (BlockingIOError, ConnectionRefusedError):
                pass  # as fast as it goes
    return sent


if __name__ == "__main__":
    thrown = [bytes.fromhex(line) for line in Path(sys.argv[4]).read_text().split()]
    sys.stdout.write(f"{flood(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), thrown)}\n")
