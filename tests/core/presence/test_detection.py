"""Deaths are known to all in time, and nobody is buried alive: whole fleets, simulated."""

import pytest

from multifleet.core.presence.gossip import Document
from multifleet.core.presence.states import PresenceState
from tests.core.presence.simulation import (
    ALIVE,
    ASLEEP,
    BAD,
    DEAD,
    LAN,
    Network,
    Simulation,
    death,
    every,
    name_of,
)


@pytest.mark.parametrize(("nodes", "seeds"), [(2, 10), (3, 10), (5, 10), (30, 6), (100, 2)])
def test_a_death_is_known_to_all_within_six_seconds(nodes: int, seeds: int) -> None:
    assert max(death(nodes, seed)[1] for seed in range(seeds)) <= 6.0


@pytest.mark.timeout(600)
def test_among_a_thousand_a_death_a_return_and_a_cut_are_known_as_soon() -> None:
    fleet = Simulation(1_000, 1)
    first, second, third = fleet.names[100], fleet.names[500], fleet.names[900]
    fleet.run(0.5)
    fleet.stop(first)
    assert fleet.run(20, every(fleet, 0.1, lambda: fleet.all_see(first, DEAD))) <= 8.0, "as in any fleet that is new"
    fleet.start(first)
    assert fleet.run(20, every(fleet, 0.1, lambda: fleet.all_see(first, ALIVE))) <= 4.0
    fleet.run(20)
    fleet.stop(second)
    assert fleet.run(20, every(fleet, 0.1, lambda: fleet.all_see(second, DEAD))) <= 6.0
    fleet.cut = lambda sender, recipient: third in (sender, recipient)
    assert fleet.run(20, every(fleet, 0.1, lambda: fleet.all_see(third, DEAD, [third]))) <= 6.0
    fleet.cut = lambda sender, recipient: False
    assert fleet.run(60, every(fleet, 0.1, lambda: fleet.all_see(third, ALIVE))) <= 15.0
    assert {whose for _, at, whose, _ in fleet.deaths() if at != third} == {first, second, third}


def test_deaths_in_a_row_of_the_ring_and_at_the_same_time_are_known_as_soon() -> None:
    fleet = Simulation(30, 1)
    fleet.run(30)
    dead = fleet.names[10:20]
    for name in dead:
        fleet.stop(name)
    assert fleet.run(20, every(fleet, 0.1, lambda: all(fleet.all_see(name, DEAD) for name in dead))) <= 8.0


@pytest.mark.parametrize(("nodes", "seconds"), [(2, 600), (5, 600), (30, 60)])
@pytest.mark.parametrize("settled", [True, False], ids=["known", "new"])
def test_nobody_is_buried_alive_where_a_third_is_lost_and_all_is_late(
    nodes: int, seconds: float, settled: bool
) -> None:
    fleet = Simulation(nodes, 7, BAD, settled)
    fleet.run(seconds)
    assert fleet.deaths() == []
    if nodes <= 5:
        assert all(fleet.all_see(name, ALIVE) for name in fleet.names)


@pytest.mark.parametrize("nodes", [2, 3, 30])
def test_nobody_is_buried_alive_when_a_good_network_turns_bad_at_once(nodes: int) -> None:
    fleet = Simulation(nodes, 3)
    fleet.run(100)
    fleet.network = BAD
    fleet.run(30)
    assert fleet.deaths() == []


def test_a_death_in_a_bad_network_is_known_as_well() -> None:
    assert death(5, 1, BAD, settle=60)[1] <= 20.0


@pytest.mark.parametrize("nodes", [2, 3, 5, 30])
def test_a_fleet_that_starts_together_knows_itself_within_seconds(nodes: int) -> None:
    fleet = Simulation(nodes, 1, settled=False)
    taken = fleet.run(20, every(fleet, 0.1, lambda: all(fleet.all_see(name, ALIVE) for name in fleet.names)))
    assert taken <= 4.0
    assert fleet.deaths() == []


def test_who_was_never_heard_is_dead_and_it_is_said_so() -> None:
    fleet = Simulation(3, 1, settled=False)
    fleet.stop(fleet.names[2])
    fleet.run(10)
    shown = fleet.nodes[fleet.names[0]].presence.peer(fleet.names[2])
    assert (shown.state, shown.how, shown.round_trip) == (DEAD, "never heard here", None)


@pytest.mark.parametrize("nodes", [4, 30])
def test_halves_that_were_apart_find_each_other_again(nodes: int) -> None:
    fleet = Simulation(nodes, 2)
    left, right = set(fleet.names[::2]), fleet.names[1::2]
    fleet.run(20)
    fleet.cut = lambda sender, recipient: (sender in left) != (recipient in left)
    fleet.run(30)
    assert all(fleet.state(a, b) is DEAD and fleet.state(b, a) is DEAD for a in left for b in right)
    assert all(fleet.state(a, b) is ALIVE for a in left for b in left if a != b)
    fleet.cut = lambda sender, recipient: False
    taken = fleet.run(60, every(fleet, 0.1, lambda: all(fleet.all_see(name, ALIVE) for name in fleet.names)))
    assert taken <= 15.0
    apart = fleet.nodes[right[0]].presence.peer(fleet.names[0]).apart
    assert apart is not None and 20.0 < apart[1] - apart[0] < 60.0


@pytest.mark.parametrize("both_ways", [False, True])
def test_two_that_cannot_reach_each_other_learn_from_a_third_that_they_live(both_ways: bool) -> None:
    fleet = Simulation(3, 1, Network(http=False))
    a, b, _ = fleet.names
    fleet.run(30)
    fleet.cut = lambda sender, recipient: (sender, recipient) == (a, b) or (
        both_ways and (sender, recipient) == (b, a)
    )
    fleet.run(300)
    assert fleet.deaths() == []
    fleet.stop(b)
    assert fleet.run(60, lambda: fleet.all_see(b, DEAD)) < 20.0, "its death is still noticed"


def test_a_node_that_restarts_at_once_is_seen_as_returned_and_never_as_dead() -> None:
    fleet = Simulation(5, 1)
    fleet.run(30)
    fleet.stop(fleet.names[1])
    fleet.start(fleet.names[1])
    fleet.run(15)
    assert fleet.deaths() == []
    for name in fleet.names:
        if name != fleet.names[1]:
            assert [e for at, e in fleet.nodes[name].others if at > 30 and getattr(e, "name", "") == fleet.names[1]]


@pytest.mark.parametrize("nodes", [2, 5, 100])
def test_a_node_that_comes_back_from_the_dead_is_alive_everywhere_within_seconds(nodes: int) -> None:
    fleet = Simulation(nodes, 1)
    fleet.run(10)
    fleet.stop(name_of(1))
    fleet.run(20)
    assert fleet.all_see(name_of(1), DEAD)
    fleet.start(name_of(1))
    assert fleet.run(20, every(fleet, 0.1, lambda: fleet.all_see(name_of(1), ALIVE))) <= 4.0
    assert fleet.nodes[name_of(0)].presence.peer(name_of(1)).flaps == 1


@pytest.mark.parametrize("nodes", [2, 3, 30])
def test_a_node_that_is_frozen_is_dead_and_then_alive_and_itself_buries_nobody(nodes: int) -> None:
    fleet = Simulation(nodes, 1)
    fleet.run(30)
    frozen = fleet.names[0]
    fleet.freeze(frozen, 20)
    fleet.run(19)
    assert fleet.all_see(frozen, DEAD)
    fleet.run(11)
    assert fleet.all_see(frozen, ALIVE)
    assert {whose for _, _, whose, _ in fleet.deaths()} == {frozen}


def test_a_frozen_moment_is_no_death() -> None:
    fleet = Simulation(5, 1)
    for _ in range(20):
        fleet.run(5)
        fleet.freeze(fleet.names[0], 1.5)
    assert fleet.deaths() == []


def sleep(fleet: Simulation, name: str, announced: bool, seconds: float) -> None:
    node = fleet.nodes[name]
    if announced:
        fleet.call(name, node.presence.sleeping(fleet.now))
        fleet.run(0.05)
    fleet.freeze(name, seconds)
    fleet.run(seconds - 1)


def wake(fleet: Simulation, name: str, slept: float) -> None:
    fleet.run(1.001)
    fleet.call(name, fleet.nodes[name].presence.woke(slept, fleet.now))
    fleet.run(10)


@pytest.mark.parametrize("nodes", [2, 5, 30])
def test_a_sleeper_that_said_so_is_asleep_and_then_alive(nodes: int) -> None:
    fleet = Simulation(nodes, 1)
    fleet.run(20)
    sleeper = fleet.names[0]
    sleep(fleet, sleeper, True, 300)
    assert fleet.all_see(sleeper, ASLEEP)
    wake(fleet, sleeper, 300)
    assert fleet.all_see(sleeper, ALIVE)
    assert fleet.deaths() == []
    shown = fleet.nodes[fleet.names[1]].presence.peer(sleeper)
    assert (shown.slept, shown.flaps) == (300, 0)
    assert shown.how == "slept 300 s, answers pings"


@pytest.mark.parametrize("nodes", [2, 5, 30])
def test_a_sleeper_that_did_not_say_so_has_slept_and_does_not_flap(nodes: int) -> None:
    fleet = Simulation(nodes, 1)
    fleet.run(20)
    sleeper = fleet.names[0]
    sleep(fleet, sleeper, False, 300)
    assert fleet.all_see(sleeper, DEAD)
    wake(fleet, sleeper, 300)
    assert fleet.all_see(sleeper, ALIVE)
    shown = [fleet.nodes[name].presence.peer(sleeper) for name in fleet.names[1:]]
    assert all((one.slept, one.flaps) == (300, 0) for one in shown)
    assert {whose for _, _, whose, _ in fleet.deaths()} == {sleeper}


def test_a_sleep_that_did_not_happen_is_taken_back() -> None:
    fleet = Simulation(5, 1)
    fleet.run(20)
    name = fleet.names[0]
    fleet.call(name, fleet.nodes[name].presence.sleeping(fleet.now))
    fleet.run(2)
    assert fleet.all_see(name, ASLEEP)
    fleet.call(name, fleet.nodes[name].presence.woke(0, fleet.now))
    assert fleet.run(10, lambda: fleet.all_see(name, ALIVE)) < 4.0


@pytest.mark.parametrize(("nodes", "network", "within"), [(5, LAN, 1.0), (100, LAN, 3.0), (30, BAD, 10.0)])
def test_a_document_reaches_everybody_within_seconds(nodes: int, network: Network, within: float) -> None:
    fleet = Simulation(nodes, 1, network)
    fleet.run(10)
    document = Document(text='{"kind":"leave"}', signature="0" * 128)
    first = fleet.nodes[fleet.names[0]]
    first.learned.add(document.text)
    fleet.call(first.name, first.presence.spread(document))
    assert fleet.run(30, lambda: all(node.learned for node in fleet.nodes.values())) <= within


def test_a_member_that_left_is_forgotten_and_may_come_back() -> None:
    fleet = Simulation(3, 1)
    fleet.run(5)
    a, b, c = fleet.names
    node = fleet.nodes[a]
    fleet.call(a, node.presence.set_members([a, b], fleet.now))
    assert node.changes[-1][1].after is PresenceState.LEFT
    with pytest.raises(KeyError):
        node.presence.peer(c)
    fleet.run(5)
    fleet.call(a, node.presence.set_members([a, b, c], fleet.now))
    fleet.run(5)
    assert fleet.state(a, c) is ALIVE


@pytest.mark.parametrize("nodes", [2, 3, 5, 30])
@pytest.mark.parametrize("uptime", [1, 4, 8])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_death_right_after_all_have_started_is_known_as_soon(nodes: int, uptime: float, seed: int) -> None:
    fleet = Simulation(nodes, seed, settled=False)
    fleet.run(uptime)
    victim = fleet.names[seed % nodes]
    fleet.stop(victim)
    assert fleet.run(20, every(fleet, 0.1, lambda: fleet.all_see(victim, DEAD))) <= 8.0


@pytest.mark.parametrize("known", [True, False])
def test_a_node_that_starts_and_hears_nobody_knows_soon_that_they_are_dead(known: bool) -> None:
    fleet = Simulation(2, 1, settled=known)
    first, second = fleet.names
    fleet.run(30 if known else 0)
    fleet.stop(second)
    if known:
        fleet.stop(first)
        fleet.start(first)
    assert fleet.run(20, lambda: fleet.state(first, second) is DEAD) <= 8.5


@pytest.mark.parametrize("nodes", [3, 5, 30])
@pytest.mark.parametrize("seed", range(6))
def test_a_death_right_after_a_false_alarm_is_known_to_all_as_well(nodes: int, seed: int) -> None:
    fleet = Simulation(nodes, seed)
    fleet.run(30)
    victim = fleet.names[seed % nodes]
    fleet.freeze(victim, 1.9)
    fleet.run(3)
    fleet.stop(victim)
    died = fleet.now
    assert fleet.run(30, every(fleet, 0.1, lambda: fleet.all_see(victim, DEAD))) <= 9.0
    assert min(at for at, *_ in fleet.deaths()) > died, "the alarm was false"
