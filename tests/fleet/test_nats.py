"""NATS between real daemons: the chief's own server, over TLS, where HTTP is blocked, and when it dies (F13)."""

import os
import signal
import time
from pathlib import Path

import pytest

from tests.lab.fleet import Fleet
from tests.lab.fleet_node import FleetNode
from tests.lab.kernel import children
from tests.lab.tools import wait_for

pytestmark = pytest.mark.lab


def server_of(node: FleetNode) -> int | None:
    """The process id of the server that its daemon runs."""
    for pid in children(node.daemon.pid):
        if Path(f"/proc/{pid}/comm").read_text().strip() == "nats-server":
            return pid
    return None


def by_nats(node: FleetNode, to: str) -> bool:
    """Whether a message now arrives by NATS."""
    message = node.send(to, "by which way?")
    node.wait_state(message, "stored", 30)
    return any(event["channel"] == "nats" for event in node.trace(message)["events"] if event["state"] == "stored")


def test_f13_messages_go_by_the_chiefs_server_alone_and_come_back_to_it_when_it_was_killed(fleet: Fleet) -> None:
    mac1, mac2 = fleet.nodes
    fleet.wait_nats()
    assert server_of(mac1) and not server_of(mac2)
    with mac1.host.block_port(8855), mac2.host.block_port(8855):
        assert by_nats(mac1, "mac2") and by_nats(mac2, "mac1")
        killed = server_of(mac1)
        assert killed is not None
        os.kill(killed, signal.SIGKILL)
        began = time.monotonic()
        ids = [mac2.send("mac1", f"while it is away {number}") for number in range(20)]
        wait_for(lambda: mac2.counted("nats_connected") > 1, 10, 0.1, "mac2 at the new server")
        assert time.monotonic() - began < 10
        for each in ids:
            mac2.wait_state(each, "stored", 30)
    fleet.wait_drained()


def test_the_server_ends_with_a_daemon_that_is_killed(fleet: Fleet) -> None:
    mac1, _ = fleet.nodes
    fleet.wait_nats()
    server = server_of(mac1)
    assert server is not None
    mac1.kill()
    wait_for(lambda: not Path(f"/proc/{server}/exe").exists(), 3, 0.05, "no orphan")
    mac1.up()
