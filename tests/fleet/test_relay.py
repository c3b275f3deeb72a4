"""P3 on three hosts: the way round by the chief."""

import time
from collections.abc import Iterator

import pytest

from tests.fleet.without_nats import three_without_nats
from tests.lab.fault import Fault
from tests.lab.fleet import Fleet
from tests.lab.fleet_node import PORT, FleetNode
from tests.lab.tools import wait_for
from tests.starved import Starving

pytestmark = [pytest.mark.lab, pytest.mark.beside_one]


@pytest.fixture(scope="module")
def three() -> Iterator[Fleet]:
    with three_without_nats() as fleet:
        yield fleet


def apart(one: FleetNode, other: FleetNode) -> list[Fault]:
    """Two that hear nothing of each other."""
    return [one.host.drop_from(other.host), other.host.drop_from(one.host)]


def asks_for_mail(node: FleetNode, chief: FleetNode) -> bool:
    """Whether a connection to the chief's port for relaying is open, by whichever of its addresses."""
    there = f"( dst {chief.host.ip}:8844 or dst [{chief.host.ip6}]:8844 )"
    return bool(node.host.run(["ss", "-Htn", "state", "established", there]).stdout.strip())


def arrived(node: FleetNode, message: str) -> list[tuple[str]]:
    """By which channel a message came."""
    return [(channel,) for (channel,) in node.rows("SELECT channel FROM inbox WHERE id = ?", message)]


def test_what_is_dropped_on_the_way_and_on_the_usual_port_goes_round_by_the_chief_within_two_seconds(
    three: Fleet,
) -> None:
    mac1, mac2, mac3 = three.nodes
    wait_for(lambda: asks_for_mail(mac3, mac1), 60, 0.1, "a question for mail lies open at the chief")
    faults = [*apart(mac2, mac3), *(node.host.block_port(PORT) for node in three.nodes)]
    handed_on = Starving(*(node.daemon.pid for node in three.nodes))
    sent_at = time.monotonic()
    message = mac2.send("mac3", "round by the chief")
    mac2.told(message, "stored", 60)
    took = time.monotonic() - sent_at - handed_on.seconds
    assert arrived(mac3, message) == [("relay",)]
    assert took <= 2.0, f"{took:.2f} s"
    back = mac3.send("mac2", "and back")
    mac3.wait_state(back, "stored", 60)
    for fault in faults:
        fault.undo()
    three.wait_drained()
    three.check()
