"""What tests of liars say, and what they see of it."""

from collections.abc import Callable

from multifleet.core.presence.gossip import Gossip
from tests.core.presence.simulation import Simulation

BOOT = "b" * 16


def word(kind: str, count: int, **fields: object) -> Gossip:
    """A datagram with these fields, of a machine that has just begun to speak."""
    given = {"kind": kind, "boot": BOOT, "count": count, "re": 0, "incarnation": 1_700_000_000_000, **fields}
    return Gossip(**given)  # type: ignore[arg-type]


def every_second(fleet: Simulation, seconds: int, act: Callable[[int], None]) -> None:
    """Let so many seconds pass, and do this at the beginning of each."""
    for second in range(seconds):
        act(second)
        fleet.run(1.0)


def changes(fleet: Simulation, since: float) -> list[object]:
    """What any node has come to think otherwise since that moment."""
    return [change for node in fleet.nodes.values() for at, change in node.changes if at >= since]
