"""F8: two sides that went on writing to each other while they were apart. The five minutes are in bin/chaos."""

import time

import pytest

from tests.lab.connections import ConnectionWatch
from tests.lab.fleet import Fleet
from tests.lab.fleet_node import FleetNode

pytestmark = pytest.mark.lab

EACH_WAY = 500
APART = 20.0
"""Seconds; long enough that retries have backed off as far as they do."""
CONNECTIONS_AT_MOST = 4


def arrived(node: FleetNode, sender: FleetNode) -> list[str]:
    """Ids in the order in which they were committed."""
    return [id for (id,) in node.rows('SELECT id FROM inbox WHERE sender = ? ORDER BY "row"', sender.name)]


@pytest.mark.slow
def test_f8_all_arrives_once_and_oldest_first_and_without_a_herd(fleet: Fleet) -> None:
    mac1, mac2 = fleet.nodes
    sent: dict[str, list[str]] = {}
    with ConnectionWatch(mac1, mac2) as there, ConnectionWatch(mac2, mac1) as back:
        with fleet.lab.partition([mac1.host], [mac2.host]):
            began = time.monotonic()
            for node, other in ((mac1, mac2), (mac2, mac1)):
                sent[node.name] = [node.send(other.name, f"{number} while apart") for number in range(EACH_WAY)]
            time.sleep(max(0.0, APART - (time.monotonic() - began)))  # being apart is the fault
        healed = time.monotonic()
        fleet.wait_drained(30)
        print(f"drained {time.monotonic() - healed:.1f} s after healing; most connections {there.most} {back.most}")
    for node, other in ((mac1, mac2), (mac2, mac1)):
        assert arrived(other, node) == sent[node.name]
    assert max(*there.most.values(), *back.most.values()) <= CONNECTIONS_AT_MOST
