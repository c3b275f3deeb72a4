"""What presence costs, measured as UDP payload with its frame, and what travels with it."""

import pytest

from multifleet.core.presence.gossip import Facts, Gossip
from tests.core.presence.simulation import BAD, Simulation, traffic


@pytest.fixture(scope="module")
def quiet() -> dict[int, tuple[float, float]]:
    return {30: traffic(30), 100: traffic(100), 300: traffic(300, 20)}


def test_a_node_of_a_hundred_sends_less_than_38_kb_a_minute(quiet: dict[int, tuple[float, float]]) -> None:
    assert quiet[100][0] <= 38_000


def test_the_cost_of_a_node_does_not_grow_with_the_fleet(quiet: dict[int, tuple[float, float]]) -> None:
    assert quiet[300][0] <= 1.1 * quiet[30][0]
    assert quiet[300][1] <= 1.1 * quiet[30][1]


def test_a_bad_network_costs_a_few_times_as_much() -> None:
    fleet = Simulation(30, 1, BAD)
    fleet.run(30)
    fleet.reset_counts()
    fleet.run(30)
    assert sum(node.sent_bytes for node in fleet.nodes.values()) / 30 * 2 < 4 * 38_000


@pytest.mark.parametrize(("nodes", "within"), [(3, 10), (5, 12), (30, 65)])
def test_the_facts_of_every_node_reach_every_other_one(nodes: int, within: int) -> None:
    fleet = Simulation(nodes, 1)
    fleet.run(20)
    changed = fleet.nodes[fleet.names[0]]
    new = Facts(version="9", branch="new", commit="1234567", sessions=1, seats=[], load=1.5, disk=7)
    changed.presence.facts = new
    begun = fleet.now
    fleet.run(within)
    for name in fleet.names[1:]:
        shown = fleet.nodes[name].presence.peer(changed.name)
        assert shown.facts == new and shown.facts_at is not None and begun < shown.facts_at


def test_a_node_tells_its_facts_to_three_to_six_peers_every_five_seconds_however_many_there_are() -> None:
    fleet = Simulation(100, 1)
    fleet.run(30)
    told: dict[tuple[str, int], set[str]] = {}

    def overhear(sender: str, to: str, gossip: Gossip) -> None:
        if gossip.facts:
            told.setdefault((sender, int(fleet.now / 5)), set()).add(to)

    fleet.watchers.append(overhear)
    fleet.run(60)
    whole = [peers for (_, slot), peers in told.items() if 7 <= slot < 18]
    assert len(whole) == 100 * 11, "everybody, in every five seconds"
    assert 3 <= sum(map(len, whole)) / len(whole) <= 6.5


def test_no_facts_means_none_are_told() -> None:
    fleet = Simulation(2, 1)
    for node in fleet.nodes.values():
        node.presence.facts = None
    fleet.run(10)
    assert fleet.nodes[fleet.names[0]].presence.peer(fleet.names[1]).facts is None
