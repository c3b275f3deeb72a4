"""Each fault of a host or a network turns exactly its own check red, and the node that has it names it."""

import json

import pytest

from tests.lab.fleet import Fleet
from tests.lab.fleet_node import FleetNode

pytestmark = [pytest.mark.lab, pytest.mark.xdist_group("doctor")]


def failing(node: FleetNode) -> dict[str, str]:
    """What each failing check says; each says what to do as well."""
    said = node.cli("doctor", "--json", check=False).stdout
    checks = [check for check in json.loads(said)["checks"] if check["level"] == "fail"]
    assert all(check["remedy"] for check in checks)
    return {check["id"]: check["says"] for check in checks}


def test_two_healthy_nodes_have_no_fault(fleet: Fleet) -> None:
    for node in fleet.nodes:
        assert failing(node) == {}


def test_a_peer_whose_packets_are_dropped_is_the_one_fault_on_both_sides(fleet: Fleet) -> None:
    mac1, mac2 = fleet.nodes
    with mac1.host.drop_from(mac2.host):
        for node, other in ((mac1, mac2), (mac2, mac1)):
            found = failing(node)
            assert list(found) == ["peers"]
            assert f"{other.name} cannot be reached" in found["peers"]
    assert failing(mac1) == {}


def test_a_port_that_a_firewall_drops_is_the_one_fault_of_those_who_call(fleet: Fleet) -> None:
    mac1, mac2 = fleet.nodes
    with mac2.host.block_port(8855):
        assert list(failing(mac1)) == ["peers"]
    assert failing(mac1) == {}


def test_a_dead_daemon_is_the_one_fault_of_its_host_and_a_peer_to_the_other(fleet: Fleet) -> None:
    mac1, mac2 = fleet.nodes
    mac2.kill()
    assert list(failing(mac2)) == ["daemon"]
    assert list(failing(mac1)) == ["peers"]
    mac2.up()


def test_a_full_disk_is_the_one_fault_and_no_fault_of_the_peer(fleet: Fleet) -> None:
    mac1, mac2 = fleet.nodes
    with mac2.fill_disk():
        assert list(failing(mac2)) == ["disk"]
        assert failing(mac1) == {}
    assert failing(mac2) == {}


def test_a_clock_ten_minutes_ahead_is_the_one_fault_on_both_sides(fleet: Fleet) -> None:
    mac1, mac2 = fleet.nodes
    mac2.cli("down")
    with mac2.host.set_clock(600):
        mac2.up()
        assert failing(mac1) == {"clock": "mac2's clock is 600 s ahead"}
        assert failing(mac2) == {"clock": "mac1's clock is 600 s behind"}
        mac2.cli("down")
    mac2.host.fake_clock = False
    mac2.up()
    assert failing(mac2) == {}, "its own clock is right again, and multifleet knows it from mac1"
