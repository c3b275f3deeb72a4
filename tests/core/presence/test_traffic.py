"""What presence costs, measured as UDP payload with its frame, and what travels with it."""

import pytest
from msgspec.structs import replace

from multifleet.core.presence.gossip import Facts, Gossip
from tests.core.presence.simulation import BAD, Simulation, traffic

FACTS = Facts(version="9", branch="new", commit="1234567", sessions=1, seats=[], load=1.5, disk=7)


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


@pytest.mark.parametrize("nodes", [2, 5, 16])
@pytest.mark.parametrize("by_frames", [False, True], ids=["by pings", "by frames"])
def test_who_joins_a_small_fleet_exchanges_facts_with_everybody_at_once(nodes: int, by_frames: bool) -> None:
    fleet = Simulation(nodes, 1, settled=False)
    *founders, last = fleet.names
    for name in founders:
        fleet.call(name, fleet.nodes[name].presence.set_members(founders, fleet.now))
    fleet.call(last, fleet.nodes[last].presence.set_members([], fleet.now))
    fleet.run(30)
    for name in fleet.names:
        presence = fleet.nodes[name].presence
        fleet.call(name, presence.set_members(fleet.names, fleet.now))
        if by_frames:
            for other in [last] if name != last else founders:
                fleet.call(name, presence.heard(other, fleet.now))
    taken = fleet.run(10, lambda: facts_are_known(fleet, last))
    assert taken <= 2.0


@pytest.mark.parametrize("nodes", [2, 5, 16])
def test_a_small_fleet_knows_the_facts_of_one_that_started_anew_at_once(nodes: int) -> None:
    fleet = Simulation(nodes, 1)
    fleet.run(20)
    name = fleet.names[0]
    fleet.stop(name)
    fleet.run(2)
    fleet.start(name)
    begun = fleet.now
    taken = fleet.run(10, lambda: facts_are_known(fleet, name, begun))
    assert taken <= 2.0


@pytest.mark.parametrize("nodes", [2, 5, 16])
def test_a_small_fleet_knows_at_once_that_branch_or_sessions_changed(nodes: int) -> None:
    fleet = Simulation(nodes, 1)
    fleet.run(20)
    changed = fleet.nodes[fleet.names[0]]
    changed.presence.facts = replace(FACTS, branch="other", sessions=1)
    assert fleet.run(10, lambda: facts_are_known(fleet, changed.name, 20.0)) <= 2.5


def test_facts_that_change_all_the_time_are_told_no_more_often_for_it() -> None:
    fleet = Simulation(16, 1)
    fleet.run(20)
    changed = fleet.nodes[fleet.names[0]]
    fleet.reset_counts()
    for step in range(120):
        changed.presence.facts = replace(FACTS, load=step / 10)
        fleet.run(0.5)
    quiet = changed.sent
    fleet.reset_counts()
    for step in range(120):
        changed.presence.facts = replace(FACTS, sessions=step, doing="ib"[step % 2])
        fleet.run(0.5)
    assert quiet <= 140
    assert changed.sent <= quiet + (3 + 60 / 5) * 15 * 1.1


@pytest.mark.parametrize(("nodes", "packets"), [(16, 120), (100, 600)])
def test_a_fleet_that_meets_all_at_once_makes_no_storm(nodes: int, packets: int) -> None:
    """What each tells all of itself is the most of it; and it is over at once."""
    fleet = Simulation(nodes, 1, settled=False)
    fleet.reset_counts()
    fleet.run(2)
    assert sum(node.sent for node in fleet.nodes.values()) <= packets * nodes
    fleet.reset_counts()
    fleet.run(10)
    assert sum(node.sent for node in fleet.nodes.values()) <= 25 * nodes


def facts_are_known(fleet: Simulation, of: str, since: float = 0.0) -> bool:
    """Whether all the others know the facts of one, as they are, and it knows theirs."""
    one = fleet.nodes[of].presence
    for name in fleet.names:
        if name != of:
            shown = fleet.nodes[name].presence.peer(of)
            if shown.facts != one.facts or (shown.facts_at or 0.0) < since or one.peer(name).facts is None:
                return False
    return True
