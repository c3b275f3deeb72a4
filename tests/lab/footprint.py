"""What a daemon holds of its machine, to see that it gives back what a fault made it take (I7)."""

from dataclasses import dataclass
from pathlib import Path

from tests.lab.fleet_node import FleetNode
from tests.lab.kernel import children
from tests.lab.tools import LabError, wait_for

MEMORY_SLACK = 16 << 20
"""Bytes: caches of the allocator and of SQLite that a load may leave filled."""
FILES_SLACK = 4
"""Kept connections to a peer, and SQLite's files."""


@dataclass(frozen=True, slots=True)
class Footprint:
    """One look at a daemon."""

    files: int
    threads: int
    processes: int
    memory: int

    @classmethod
    def of(cls, node: FleetNode) -> "Footprint":
        """What the node's daemon holds now."""
        pid = node.daemon.pid
        status = dict(
            line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines() if ":" in line
        )
        return cls(
            files=len(list(Path(f"/proc/{pid}/fd").iterdir())),
            threads=int(status["Threads"]),
            processes=len(children(pid)),
            memory=int(status["VmRSS"].split()[0]) * 1024,
        )

    def holds(self, later: "Footprint") -> bool:
        """Whether a later look is back at this one."""
        return (
            later.files <= self.files + FILES_SLACK
            and later.threads <= self.threads + 1
            and later.processes <= self.processes
            and later.memory <= self.memory + MEMORY_SLACK
        )


def wait_back(node: FleetNode, before: Footprint, timeout: float = 60.0) -> None:
    """I7: the daemon is back at its baseline within a minute."""
    try:
        wait_for(lambda: before.holds(Footprint.of(node)), timeout, 0.5)
    except LabError:
        raise LabError(f"{node.name} is not back at {before}, but at {Footprint.of(node)}") from None
