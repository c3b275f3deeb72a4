"""P3 on three hosts: the way round by the chief, and F19: the chief is gone while it holds mail."""

import time
from collections.abc import Iterator

import pytest

from tests.lab.fault import Fault
from tests.lab.fleet import Fleet, path_of
from tests.lab.fleet_node import PORT, FleetNode
from tests.lab.tools import wait_for

pytestmark = [pytest.mark.lab, pytest.mark.alone]


@pytest.fixture(scope="module")
def three() -> Iterator[Fleet]:
    """mac1 is the chief. Its NATS server keeps frames as well, and is another channel's matter."""
    with Fleet(["mac1", "mac2", "mac3"]) as fleet:
        for node in fleet.nodes:
            home = path_of(node, "")
            home.mkdir(mode=0o700, parents=True, exist_ok=True)
            (home / "config.json").write_text('{"channels": {"off": ["nats"]}}')
            node.host.run("sync -f /srv/data")  # a power cut comes later
        fleet.found()
        for node in fleet.nodes:
            wait_for(lambda node=node: len(node.get("/peers")["peers"]) == 2, 10, 0.1, f"{node.name} knows all")
        yield fleet


def apart(one: FleetNode, other: FleetNode) -> list[Fault]:
    """Two that hear nothing of each other."""
    return [one.host.drop_from(other.host), other.host.drop_from(one.host)]


def asks_for_mail(node: FleetNode, chief: FleetNode) -> bool:
    """Whether a connection to the chief's port for relaying is open."""
    return bool(node.host.run(["ss", "-Htn", "state", "established", "dst", f"{chief.host.ip}:8844"]).stdout.strip())


def arrived(node: FleetNode, message: str) -> list[tuple[str]]:
    """By which channel a message came."""
    return [(channel,) for (channel,) in node.rows("SELECT channel FROM inbox WHERE id = ?", message)]


def test_what_is_dropped_on_the_way_and_on_the_usual_port_goes_round_by_the_chief_within_two_seconds(
    three: Fleet,
) -> None:
    mac1, mac2, mac3 = three.nodes
    wait_for(lambda: asks_for_mail(mac3, mac1), 10, 0.1, "a question for mail lies open at the chief")
    faults = [*apart(mac2, mac3), *(node.host.block_port(PORT) for node in three.nodes)]
    sent_at = time.monotonic()
    message = mac2.send("mac3", "round by the chief")
    mac2.wait_state(message, "stored", 5)
    took = time.monotonic() - sent_at
    assert arrived(mac3, message) == [("relay",)]
    assert took <= 2.0, f"{took:.2f} s"
    back = mac3.send("mac2", "and back")
    mac3.wait_state(back, "stored", 5)
    for fault in faults:
        fault.undo()
    three.wait_drained()
    three.check()


def test_f19_mail_at_the_chief_survives_its_kill_and_its_power_cut_and_arrives_once(three: Fleet) -> None:
    mac1, mac2, mac3 = three.nodes
    mac3.kill()
    messages = []
    for end in (mac1.kill, mac1.power_cut):
        for number in range(5):
            messages.append(mac2.send("mac3", f"kept {number}"))
            mac2.wait_state(messages[-1], "sent")
        end()
        mac1.up()
    kept = mac1.rows("SELECT count(*) FROM relayed")
    assert kept[0][0] >= 10
    mac2.kill()  # from now on only the chief can bring them
    mac3.up()
    marks = ", ".join("?" * len(messages))
    came = f"SELECT count(*) FROM inbox WHERE id IN ({marks})"
    wait_for(lambda: mac3.rows(came, *messages) == [(10,)], 15, 0.1, "all there")
    wait_for(lambda: mac1.rows("SELECT count(*) FROM relayed") == [(0,)], 15, 0.1, "the chief has forgotten them")
    mac2.up()
    three.wait_drained()
    three.check()
