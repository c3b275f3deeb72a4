"""Two real daemons between which SSH alone is left, into one of them."""

import json
import time
from collections.abc import Iterator

import pytest

from tests.lab.fault import Fault
from tests.lab.fleet import Fleet, path_of
from tests.lab.fleet_node import PORT, FleetNode
from tests.lab.machine import HOME
from tests.lab.program import program
from tests.lab.tools import wait_for
from tests.starved import Starving

pytestmark = [pytest.mark.lab, pytest.mark.beside_one, pytest.mark.timeout(300)]
ONE_WAY = {"channels": {"off": ["nats"]}}
"""What comes on a connection that stands already is not cut off by closing ports."""


@pytest.fixture(scope="module")
def fleet() -> Iterator[Fleet]:
    """mac1 may log in at mac2; they have told each other of their SSH servers."""
    with Fleet() as fleet:
        mac1, mac2 = fleet.nodes
        mac2.host.start_sshd()
        command = ["env", f"MULTIFLEET_HOME={mac2.home}", str(program())]
        entry = {"host": mac2.host.ip, "user": "root", "remote_command": command}
        for node, more in ((mac1, {"nodes": {"mac2": entry}}), (mac2, {"sshHostKeys": ["/srv/ssh/*.pub"]})):
            node.cli("init")
            config = path_of(node, "config.json")
            config.write_text(json.dumps(json.loads(config.read_text()) | more | ONE_WAY))
            node.up()
        mac2.ask("join", mac1.ask("invite")["code"])
        mac1.host.path(f"{HOME}/.ssh/known_hosts").unlink(missing_ok=True)
        wait_for(path_of(mac1, "ssh/mac2.json").exists, 30, what="mac2's word on its SSH server")
        yield fleet


def only_ssh(*nodes: FleetNode, how: str = "drop") -> list[Fault]:
    """Nothing but SSH comes through."""
    return [
        node.host.block_port(port, proto=proto, how=how)
        for node in nodes
        for port, proto in ((PORT, "tcp"), (8844, "tcp"), (PORT, "udp"))
    ]


def seconds(node: FleetNode, to: str, text: str) -> tuple[float, str]:
    """How long until the recipient's receipt is there, without what the sender was kept from a processor, and by which
    channel the message went."""
    starving, start = Starving(node.daemon.pid), time.monotonic()
    message = node.send(to, text)
    story = node.told(message, "stored", 60)
    took = time.monotonic() - start - starving.seconds
    stored = next(event for event in story["events"] if event["state"] == "stored")
    return took, stored["channel"]


def test_a_daemon_that_died_is_started_again_from_outside(fleet: Fleet) -> None:
    """First of all: L2 and L3 are two of the three escalations that this fleet has."""
    mac1, mac2 = fleet.nodes
    assert seconds(mac1, "mac2", "before")[1] == "http"
    pid = mac2.ask("status")["pid"]
    mac2.host.run(["kill", "-9", str(pid)])
    ways = [seconds(mac1, "mac2", f"to a dead daemon {number}")[1] for number in range(3)]
    assert ways[0] == "ssh"  # the last may go to the daemon that runs again
    wait_for(lambda: mac2.cli("status", check=False).returncode == 0, 80, 0.5, "the daemon that mac1 starts")
    assert mac2.ask("status")["pid"] != pid
    wait_for(lambda: not mac1.ask("repair")["cases"], 30, 0.5, "a round trip that ends the case")
    assert seconds(mac1, "mac2", "after")[1] == "http"
    mac2.cli("down")
    mac2.up()


def told_over_ssh(node: FleetNode) -> bool:
    """Whether the other's healer has said what it did about HTTP."""
    cases = {case["channel"]: case for case in node.ask("repair")["cases"]}
    case = cases.get("http")
    return case is not None and (case["level"], case["state"]) == ("L2", "healing") and "listener" in case["outcome"]


def test_messages_come_through_and_the_quick_way_heals(fleet: Fleet) -> None:
    mac1, mac2 = fleet.nodes
    assert seconds(mac1, "mac2", "before")[1] == "http"
    faults = only_ssh(mac1, mac2)
    took = [seconds(mac1, "mac2", f"through {number}") for number in range(5)]
    assert {channel for _, channel in took} <= {"seed", "ssh"}, took
    assert took[0][0] <= 12 and max(one for one, _ in took[3:]) <= 1, took
    wait_for(lambda: told_over_ssh(mac1), 60, 0.2, "mac2 told of the broken channel, which is being healed")
    mac2.wait_state(mac2.send("mac1", "and back"), "stored", 60)
    for fault in faults:
        fault.undo()
    wait_for(lambda: seconds(mac1, "mac2", "quick again?")[1] == "http", 30, 0.5, "a quick way again")
    fleet.wait_drained()


def test_nothing_but_ssh_is_needed_there(fleet: Fleet) -> None:
    mac1, mac2 = fleet.nodes
    mac2.kill()
    took, channel = seconds(mac1, "mac2", "to a dead daemon")
    assert channel == "ssh" and took <= 12
    mac2.up()
    assert "to a dead daemon" in [message["body"] for message in mac2.inbox()]


def test_a_tunnel_makes_the_quick_way_work(fleet: Fleet) -> None:
    mac1, mac2 = fleet.nodes
    faults = only_ssh(mac1, mac2)
    tunnel = mac1.ask("tunnel", "mac2")["tunnels"][0]
    wait_for(lambda: seconds(mac1, "mac2", "through the tunnel")[1] == "http", 60, 0.2, "HTTP through the tunnel")
    refused = mac1.host.run(["curl", "-s", f"http://{tunnel['address']}/status"]).stdout
    assert "not_owner" in refused, refused
    assert mac1.ask("tunnel", "mac2", "--stop") == {"tunnels": [], "stopped": ["mac2"]}
    for fault in faults:
        fault.undo()
    fleet.wait_drained()
    fleet.check()
