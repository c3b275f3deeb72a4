"""NATS between real daemons: the chief's own server, over TLS, where HTTP is blocked, and when it dies (F13)."""

import contextlib
import os
import signal
import time
from pathlib import Path

import pytest

from tests.lab.fleet import Fleet
from tests.lab.fleet_node import FleetNode
from tests.lab.kernel import children
from tests.lab.tools import wait_for
from tests.starved import Starving

pytestmark = [pytest.mark.lab, pytest.mark.timeout(300)]

RESUBSCRIBED = 10.0
"""Seconds, without those in which one of the two daemons had no processor."""


def server_of(node: FleetNode) -> int | None:
    """The process id of the server that its daemon runs."""
    for pid in children(node.daemon.pid):
        with contextlib.suppress(OSError):  # a child that has just ended
            if Path(f"/proc/{pid}/comm").read_text().strip() == "nats-server":
                return pid
    return None


def by_nats(node: FleetNode, to: str) -> bool:
    """Whether a message now arrives by NATS."""
    message = node.send(to, "by which way?")
    node.wait_state(message, "stored", 30)
    return any(event["channel"] == "nats" for event in node.trace(message)["events"] if event["state"] == "stored")


def kill_server(node: FleetNode) -> None:
    """The server alone; its daemon goes on."""
    pid = server_of(node)
    assert pid is not None
    os.kill(pid, signal.SIGKILL)


def cut_power(node: FleetNode) -> None:
    """The server, its daemon and what was not on the disk."""
    node.power_cut()
    node.up()


def kill_subscriber(node: FleetNode) -> None:
    """The daemon that has just been handed frames, and with it the server."""
    node.kill()
    node.up()


def test_f13_of_a_thousand_messages_none_is_lost_with_the_server_its_machine_or_its_subscriber(fleet: Fleet) -> None:
    mac1, mac2 = fleet.nodes
    fleet.wait_nats()
    assert server_of(mac1) and not server_of(mac2)
    with mac1.host.block_port(8855), mac2.host.block_port(8855):
        assert by_nats(mac1, "mac2") and by_nats(mac2, "mac1")
        for fault in (kill_server, cut_power, kill_subscriber):
            for number in range(334):
                mac2.send("mac1", f"before {fault.__name__} {number}")
            connected = mac2.counted("nats_connected")
            fault(mac1)
            starving, began = Starving(mac1.daemon.pid, mac2.daemon.pid), time.monotonic()
            wait_for(lambda many=connected: mac2.counted("nats_connected") > many, 60, 0.1, "mac2 at the new server")
            assert time.monotonic() - began - starving.seconds <= RESUBSCRIBED
        fleet.wait_drained(30)
        came = mac1.rows("SELECT id, channel FROM inbox WHERE body LIKE 'before %'")
        assert len(came) == len({id for id, _ in came}) == 1_002
        assert {channel for _, channel in came} == {"nats"}


def test_the_server_ends_with_a_daemon_that_is_killed(fleet: Fleet) -> None:
    mac1, _ = fleet.nodes
    fleet.wait_nats()
    server = server_of(mac1)
    assert server is not None
    mac1.kill()
    wait_for(lambda: not Path(f"/proc/{server}/exe").exists(), 60, 0.05, "no orphan")
    mac1.up()
