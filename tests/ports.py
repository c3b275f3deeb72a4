"""Ports of this machine for tests that need to know one before somebody listens there, or to come back to it."""

import itertools
import os
import random
import socket
from collections.abc import Iterator

FIRST, EACH, WORKERS = 15_000, 1_000, 16
"""Each worker has so many of its own, below those that the system gives to connections by itself."""


def free_port() -> int:
    """One that nobody has, TCP or UDP, that no other worker takes, and that is not given again for long."""
    for port in itertools.islice(_own, EACH):
        with socket.socket() as tcp, socket.socket(type=socket.SOCK_DGRAM) as udp:
            try:
                tcp.bind(("0.0.0.0", port))
                udp.bind(("0.0.0.0", port))
            except OSError:
                continue
        return port
    raise AssertionError("a thousand ports are taken")


def _of_this_worker() -> Iterator[int]:
    number = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % WORKERS
    first = FIRST + number * EACH
    ports = list(range(first, first + EACH))
    random.shuffle(ports)
    return itertools.cycle(ports)


_own = _of_this_worker()
