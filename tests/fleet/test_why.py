"""What is wrong with a peer is named, and what is called proved is so: on real hosts, by the commands of a user."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.lab.fleet import Fleet, path_of
from tests.lab.fleet_node import PORT, FleetNode
from tests.lab.program import program
from tests.lab.tools import wait_for

pytestmark = pytest.mark.lab


@pytest.fixture(scope="module")
def fleet() -> Iterator[Fleet]:
    """mac1 and mac2 on one network and mac3 on another; mac1 may log in at mac2."""
    with Fleet({"mac1": 0, "mac2": 0, "mac3": 1}) as fleet:
        mac1, mac2, mac3 = fleet.nodes
        mac2.host.start_sshd()
        command = ["env", f"MULTIFLEET_HOME={mac2.home}", str(program())]
        for node in fleet.nodes:
            node.cli("init")
        config = path_of(mac1, "config.json")
        entry = {"host": mac2.host.ip, "user": "root", "remote_command": command}
        config.write_text(json.dumps(json.loads(config.read_text()) | {"nodes": {"mac2": entry}}))
        for node in fleet.nodes:
            node.up()
        for node in (mac2, mac3):
            node.ask("join", mac1.ask("invite")["code"])
        wait_for(lambda: all(is_there(node) for node in fleet.nodes), 20, 0.1, "all hear each other")
        yield fleet


def is_there(node: FleetNode) -> bool:
    """Whether it hears the two others."""
    return [peer["state"] for peer in node.get("/peers")["peers"]] == ["alive", "alive"]


def why(node: FleetNode, name: str) -> tuple[str, str]:
    """The cause and how sure it is."""
    found: dict[str, Any] = node.get(f"/why/{name}")
    assert found["sentence"] and found["evidence"]
    return found["cause"], found["confidence"]


def test_each_fault_is_named_on_both_networks(fleet: Fleet) -> None:
    mac1, mac2, mac3 = fleet.nodes
    assert why(mac1, "mac2") == ("nothing is wrong", "likely")
    with mac2.host.block_port(PORT, how="reset"):
        # The peer's own word comes over SSH or a third machine, and what it sends comes here.
        assert why(mac1, "mac2") == ("port blocked one way", "proved")
    with mac1.host.block_port(PORT, how="reset", source=mac3.host):
        wait_for(lambda: why(mac1, "mac3") == ("port blocked one way", "proved"), 10, 0.2, "mac3's own word")
    with mac2.fill_disk():
        assert why(mac3, "mac2") == ("disk full", "proved")
    with mac3.host.block_large(source=mac1.host):
        assert why(mac1, "mac3") == ("MTU black hole", "proved")


def test_a_daemon_that_is_down_is_proved_where_the_machine_can_be_logged_in_to(fleet: Fleet) -> None:
    mac1, mac2, mac3 = fleet.nodes
    mac2.cli("down")  # one that was killed would be started again by the others
    text = mac1.cli("why", "mac2").stdout
    assert "daemon down (proved)" in text and "no daemon runs there" in text and "multifleet up" in text
    assert why(mac3, "mac2") == ("daemon down", "likely")
    rows = {row["channel"]: row["result"] for row in mac1.ask("check", "mac2")["channels"]}
    assert (rows["http"], rows["ssh"]) == ("fails", "answers")
    mac2.up()
