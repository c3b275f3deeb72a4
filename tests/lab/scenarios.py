"""F8 and F14 as they stand in the list of faults, of any length: the tests run them shortly, bin/chaos in full."""

import time
from contextlib import ExitStack
from dataclasses import dataclass, field

from tests.lab.connections import ConnectionWatch
from tests.lab.fleet import Fleet
from tests.lab.fleet_node import FleetNode
from tests.lab.states_watch import StatesWatch

BAD_WIRE = {"loss": 0.3, "delay": 0.2, "jitter": 0.15, "duplicate": 0.2}
CONNECTIONS_AT_MOST = 4
DRAINED_WITHIN = 30.0
"""Seconds after a partition has healed."""


@dataclass
class Outcome:
    """What a scenario came to: figures for people, and what did not hold."""

    figures: dict[str, object] = field(default_factory=dict)
    broken: list[str] = field(default_factory=list)

    def expect(self, holds: bool, otherwise: str) -> None:
        """Note what did not hold."""
        if not holds:
            self.broken.append(otherwise)


def arrived(node: FleetNode, sender: FleetNode) -> list[str]:
    """Ids in the order in which they were committed."""
    return [id for (id,) in node.rows('SELECT id FROM inbox WHERE sender = ? ORDER BY "row"', sender.name)]


def apart(fleet: Fleet, seconds: float, each_way: int) -> Outcome:
    """F8: the first two nodes write to each other while they are apart."""
    mac1, mac2 = fleet.nodes[:2]
    ways = ((mac1, mac2), (mac2, mac1))
    sent: dict[str, list[str]] = {}
    with ConnectionWatch(mac1, mac2) as there, ConnectionWatch(mac2, mac1) as back:
        with fleet.lab.partition([mac1.host], [node.host for node in fleet.nodes[1:]]):
            began = time.monotonic()
            for node, other in ways:
                sent[node.name] = [node.send(other.name, f"{number} while apart") for number in range(each_way)]
            time.sleep(max(0.0, seconds - (time.monotonic() - began)))  # being apart is the fault
        healed = time.monotonic()
        fleet.wait_drained(DRAINED_WITHIN)
        drained = time.monotonic() - healed
    most = max(*there.most.values(), *back.most.values())
    outcome = Outcome({"drained after, s": round(drained, 1), "most connections to a peer": most})
    for node, other in ways:
        came = [id for id in arrived(other, node) if id in set(sent[node.name])]
        outcome.expect(sorted(came) == sorted(sent[node.name]), f"not all from {node.name} came once")
        outcome.expect(came == sent[node.name], f"what {node.name} sent did not come oldest first")
    outcome.expect(most <= CONNECTIONS_AT_MOST, f"{most} connections to a peer")
    return outcome


def bad_wires(fleet: Fleet, seconds: float, messages: int) -> Outcome:
    """F14: every wire loses, delays and doubles what it carries, for so long; the first node writes to the second."""
    mac1, mac2 = fleet.nodes[:2]
    with ExitStack() as wires, StatesWatch(fleet.nodes) as states:
        for node in fleet.nodes:
            wires.enter_context(node.host.shape(**BAD_WIRE))
        began = time.monotonic()
        sent = [mac1.send("mac2", f"{number} over a bad wire") for number in range(messages)]
        last = None
        while time.monotonic() - began < seconds:
            if last is None and mac1.open_rows() == 0:
                last = time.monotonic() - began
            time.sleep(0.5)  # the bad wire is the fault
        through = messages - mac1.open_rows()
    fleet.wait_drained()
    outcome = Outcome({f"of {messages} through in {seconds:g} s": through, "all through after, s": last})
    outcome.figures["declared dead"] = states.dead or "nobody"
    came = set(arrived(mac2, mac1))
    outcome.expect(through > 0, "nothing got through")
    outcome.expect(came >= set(sent), f"{len(set(sent) - came)} of {messages} did not come")
    outcome.expect(not states.dead, f"declared dead: {states.dead}")
    return outcome
