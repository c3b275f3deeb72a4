"""A host that sends datagrams as fast as one core can, and the health of who gets them."""

import os
import statistics
import time
from collections.abc import Sequence
from pathlib import Path

from tests.lab.fleet_node import PORT, FleetNode
from tests.lab.tools import sh
from tests.starved import starved

SOURCE = Path(__file__).with_name("flood.c")
EVERY = 0.01
"""Seconds between two questions for health."""


def flood(source: FleetNode, target: FleetNode, datagrams: Sequence[bytes], seconds: float) -> tuple[float, float]:
    """Datagrams a second that went out, and the 99th percentile of the seconds that /health took at the target, without
    those in which it, or who asks, had no processor: in life the attacker has a machine of its own."""
    program = source.host.path("/srv/flood")
    if not program.exists():
        sh("cc", "-O2", "-Wall", "-o", program, SOURCE)
    source.host.path("/srv/datagrams").write_bytes(
        b"".join(len(datagram).to_bytes(2) + datagram for datagram in datagrams)
    )
    command = f"/srv/flood {target.host.ip} {PORT} {seconds} < /srv/datagrams"
    running = source.host.popen(command, name=f"flood-{next(source.host.lab.numbers)}")
    took, ends = [], (target.daemon.pid, os.getpid())
    while running.alive:
        began, before = time.monotonic(), [starved(pid) for pid in ends]
        with target.host.connect("127.0.0.1", PORT, 5) as link:
            link.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            assert link.recv(4096).startswith(b"HTTP/1.1 200")
        seconds = time.monotonic() - began
        took.append(seconds - max(starved(pid) - then for pid, then in zip(ends, before, strict=True)))
        time.sleep(EVERY)
    match = running.wait_output(r"sent (\d+) in ([\d.]+)")
    return int(match[1]) / float(match[2]), statistics.quantiles(took, n=100)[98]
