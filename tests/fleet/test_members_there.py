"""Who joins, who dies and who moves is known to all, on five hosts of which one is reached by unicast alone."""

import time
from collections.abc import Iterator

import pytest

from tests.lab.fleet import Fleet
from tests.lab.fleet_node import FleetNode
from tests.lab.members import members_of, states_at, wait_all, wait_met, wait_state
from tests.lab.tools import wait_for

pytestmark = [pytest.mark.lab, pytest.mark.beside_one]

SITES = {"mac1": 0, "mac2": 0, "mac3": 0, "mac4": 0, "far": 1}
"""Broadcast and multicast do not pass between the two sites."""
JOIN_KNOWN, DEATH_KNOWN, ADDRESS_USED = 5.0, 6.0, 20.0
"""Seconds within which all others know."""
FACTS_KNOWN = 5.0
MANY_GONE = 15.0
"""Seconds after which several deaths are known that happened at once, each to a node on its own."""
REPOSITORY = (
    "mkdir -p work && cd work && git init -qb the-branch && git -c user.name=x -c user.email=x@localhost"
    " commit -q --allow-empty -m first && multifleet seat bind work /home/fleet/work --default"
)


@pytest.fixture(scope="module")
def sites() -> Iterator[Fleet]:
    with Fleet(SITES, disk=None) as fleet:
        yield fleet


@pytest.fixture
def five(sites: Fleet) -> Iterator[Fleet]:
    """All five up and met, before and after."""
    for node in sites.nodes:
        if not node.running:
            node.up()
    wait_met(sites.nodes, 30)
    yield sites
    sites.check()


def others(fleet: Fleet, *without: FleetNode) -> list[FleetNode]:
    return [node for node in fleet.nodes if node not in without]


def how(fleet: Fleet, gone: FleetNode) -> list[str]:
    """How each of the others knows."""
    return [str(members_of(node)[gone.name]["how"]) for node in others(fleet, gone)]


def passes(source: FleetNode, target: FleetNode, within: float) -> float:
    """Seconds that a message takes."""
    began = time.monotonic()
    source.wait_state(source.send(target.name, "is this the way?"), "stored", within)
    return time.monotonic() - began


def test_a_join_is_known_to_all_with_addresses_branch_load_and_sessions(sites: Fleet) -> None:
    *founders, last = sites.nodes
    first = founders[0]
    for node in founders:
        node.cli("init")
        node.up()
    for node in founders[1:]:
        node.ask("join", first.ask("invite")["code"])
    wait_met(founders)
    last.cli("init")
    last.up()
    last.host.run(REPOSITORY)
    last.ask("join", first.ask("invite")["code"])

    took = wait_state(founders, "far", "alive", JOIN_KNOWN)
    print(f"known to all after {took:.1f} s")
    for node in founders:
        assert f"{last.host.ip}:8855" in members_of(node)["far"]["addresses"]
    took = wait_all(
        founders, lambda members: members["far"]["branch"] == "the-branch", FACTS_KNOWN, "the branch of far"
    )
    print(f"and its branch after {took:.1f} s more")
    for node in founders:
        far = members_of(node)["far"]
        assert far["sessions"] == 0 and far["load"] is not None and far["version"] and far["disk_free"] > 0
    wait_met(sites.nodes, JOIN_KNOWN)
    assert passes(founders[-1], last, 5) < 5, "and two that never met before write to each other"


def test_the_death_of_a_daemon_is_known_to_all(five: Fleet) -> None:
    mac3 = five["mac3"]
    mac3.kill()
    took = wait_state(five.nodes, "mac3", "dead", DEATH_KNOWN)
    print(f"known to all after {took:.1f} s: {how(five, mac3)}")
    mac3.up()
    took = wait_state(five.nodes, "mac3", "alive", DEATH_KNOWN)
    print(f"back at all after {took:.1f} s")


def test_a_host_that_is_cut_off_is_known_to_all_and_comes_back(five: Fleet) -> None:
    cut, name = five["far"], "far"
    rest = others(five, cut)
    with cut.host.unplug():
        took = wait_state(rest, name, "dead", DEATH_KNOWN)
        print(f"known to all after {took:.1f} s: {how(five, cut)}")
        for node in rest:
            wait_state([cut], node.name, "dead", MANY_GONE)
        assert all(states_at(node)[other.name] != "dead" for node in rest for other in rest)
        wait_met(rest, JOIN_KNOWN)  # one of them may be doubted for a moment, and is asked
    wait_met(five.nodes, 20)
    for node in rest:
        assert members_of(node)[name]["apart"]["until"], "status shows that they had been apart"


def test_both_sides_of_a_partition_go_on_and_know_afterwards_that_they_were_apart(five: Fleet) -> None:
    mac1, mac2, mac3, mac4, far = five.nodes
    one, other = [mac1, mac2], [mac3, mac4, far]
    with five.lab.partition([node.host for node in one], [node.host for node in other]):
        for side, away in ((one, other), (other, one)):
            for node in away:
                wait_state(side, node.name, "dead", MANY_GONE)
        assert passes(mac1, mac2, 3) < 3
        assert passes(far, mac3, 3) < 3
        waiting = mac1.send("far", "over the gap")
    began = time.monotonic()
    wait_met(five.nodes, 20)
    print(f"met again after {time.monotonic() - began:.1f} s")
    mac1.wait_state(waiting, "stored", 15)
    for node, away in ((mac1, mac4), (far, mac2)):
        apart = members_of(node)[away.name]["apart"]
        assert apart["since"] < apart["until"]


def test_a_changed_address_is_used_by_all(five: Fleet) -> None:
    mac4 = five["mac4"]
    with mac4.host.change_ip("10.77.0.99"):
        began = time.monotonic()
        for node in others(five, mac4):
            passes(node, mac4, ADDRESS_USED - (time.monotonic() - began))
        print(f"used by all after {time.monotonic() - began:.1f} s")
        wait_state(five.nodes, "mac4", "alive", ADDRESS_USED)
        for node in others(five, mac4):
            wait_for(
                lambda node=node: "10.77.0.99:8855" in members_of(node)["mac4"]["addresses"],  # type: ignore[misc]
                ADDRESS_USED,
                what=f"the new address at {node.name}",
            )


def test_a_host_that_was_frozen_declares_nobody_dead(five: Fleet) -> None:
    mac1, mac2 = five["mac1"], five["mac2"]
    flaps = {name: member["flaps"] for name, member in members_of(mac2).items()}
    with mac2.host.freeze():
        wait_state([mac1], "mac2", "dead", 2 * DEATH_KNOWN)
    wait_met(five.nodes, 10)
    assert {name: member["flaps"] for name, member in members_of(mac2).items()} == flaps


def test_who_leaves_is_said_to_have_left(five: Fleet) -> None:
    far = five["far"]
    far.cli("leave", "--yes")
    took = wait_state(others(five, far), "far", "left", JOIN_KNOWN)
    print(f"known to all after {took:.1f} s")
