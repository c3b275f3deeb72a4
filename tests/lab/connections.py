"""Counts the TCP connections from one host to another all the time, as the kernel lists them."""

from __future__ import annotations

import socket
import threading
from pathlib import Path

from tests.lab.fleet_node import PORT, FleetNode

EVERY = 0.02
"""Seconds between two looks; a herd stays longer."""
OPEN = frozenset({"01", "02", "03"})
"""Established, and both kinds of being opened."""


class ConnectionWatch:
    """The most connections that a node had at one time to each of the others, while the `with` block lasts."""

    def __init__(self, node: FleetNode, *others: FleetNode) -> None:
        self.node = node
        self.most = {other.name: 0 for other in others}
        self._addresses = {other.name: {other.host.ip, other.host.ip6} for other in others}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> ConnectionWatch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(10)

    def _run(self) -> None:
        while not self._stop.wait(EVERY):
            targets = connections_from(self.node)
            for name, addresses in self._addresses.items():
                self.most[name] = max(self.most[name], sum(target in addresses for target in targets))


def connections_from(node: FleetNode) -> list[str]:
    """The addresses of all other hosts' daemons that this host has a connection to, once for each connection."""
    found = []
    for table, family in (("tcp", socket.AF_INET), ("tcp6", socket.AF_INET6)):
        for line in Path(f"/proc/{node.host.init}/net/{table}").read_text().splitlines()[1:]:
            _, _, remote, state, *_ = line.split()
            address, port = remote.split(":")
            if state in OPEN and int(port, 16) == PORT:
                found.append(socket.inet_ntop(family, _network_order(address)))
    return found


def _network_order(text: str) -> bytes:
    """The kernel prints each 32-bit word of an address as this machine's number."""
    words = bytes.fromhex(text)
    return b"".join(words[at : at + 4][::-1] for at in range(0, len(words), 4))
