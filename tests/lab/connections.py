"""Counts the TCP connections from one host to another all the time, as the kernel lists them."""

from __future__ import annotations

import socket
import threading
from pathlib import Path

from tests.lab.fleet_node import PORT, FleetNode

EVERY = 0.02
"""Seconds between two looks; a herd stays longer."""
INODE = 9
"""Its column in the kernel's table."""
Line = tuple[str, str, str]
"""Whither, from which address and port, and the socket's number."""
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
            found = connections_from(self.node)
            if any(count > self.most[name] for name, count in self._count(found).items()):
                # While the kernel lists them, one may end and another begin: those are two only if they meet.
                found &= connections_from(self.node)
            for name, count in self._count(found).items():
                self.most[name] = max(self.most[name], count)

    def _count(self, found: set[Line]) -> dict[str, int]:
        return {
            name: sum(address in addresses for address, _, _ in found) for name, addresses in self._addresses.items()
        }


def connections_from(node: FleetNode) -> set[Line]:
    """The connections that this host has to other hosts' daemons."""
    found = set()
    for table, family in (("tcp", socket.AF_INET), ("tcp6", socket.AF_INET6)):
        for line in Path(f"/proc/{node.host.init}/net/{table}").read_text().splitlines()[1:]:
            _, local, remote, state, *_ = fields = line.split()
            address, port = remote.split(":")
            if state in OPEN and int(port, 16) == PORT:
                found.add((socket.inet_ntop(family, _network_order(address)), local, fields[INODE]))
    return found


def _network_order(text: str) -> bytes:
    """The kernel prints each 32-bit word of an address as this machine's number."""
    words = bytes.fromhex(text)
    return b"".join(words[at : at + 4][::-1] for at in range(0, len(words), 4))
