"""A node that is stopped says so: all know it at once, nobody takes it for a fault, and its next start is heard."""

import pytest

from multifleet.core.presence.gossip import Gossip, Rumor
from multifleet.core.presence.peer import STOPPED
from tests.core.presence.simulation import ALIVE, DEAD, SUSPECT, Simulation, every


def stopped(nodes: int, seed: int = 1) -> tuple[Simulation, str, list[tuple[str, Gossip]]]:
    """A fleet whose first node has just been stopped by its user, and all that this node sent before."""
    fleet = Simulation(nodes, seed)
    name = fleet.names[0]
    sent: list[tuple[str, Gossip]] = []
    fleet.watchers.append(lambda sender, to, gossip: sent.append((to, gossip)) if sender == name else None)
    fleet.run(20)
    fleet.call(name, fleet.nodes[name].presence.stopping())
    fleet.stop(name)
    return fleet, name, sent


@pytest.mark.parametrize(("nodes", "within"), [(2, 0.5), (5, 0.5), (30, 1.0), (100, 2.0)])
def test_all_know_it_at_once_and_nobody_suspects_it(nodes: int, within: float) -> None:
    fleet, name, _ = stopped(nodes)
    assert fleet.run(within + 1, every(fleet, 0.05, lambda: fleet.all_see(name, DEAD))) <= within
    fleet.run(30)
    changes = [change for node in fleet.nodes.values() for at, change in node.changes if at > 20]
    assert {(change.name, change.before, change.after, change.how) for change in changes} == {
        (name, ALIVE, DEAD, STOPPED)
    }


@pytest.mark.parametrize("nodes", [2, 5, 30])
def test_its_next_start_is_heard_soon_and_it_was_neither_apart_nor_flapping(nodes: int) -> None:
    fleet, name, _ = stopped(nodes)
    fleet.run(60)
    fleet.start(name)
    assert fleet.run(10, every(fleet, 0.05, lambda: fleet.all_see(name, ALIVE))) <= 3.0
    shown = [fleet.nodes[other].presence.peer(name) for other in fleet.names[1:]]
    assert {(one.apart, one.flaps, one.how) for one in shown} == {(None, 0, "answers pings")}


def test_who_falls_silent_without_a_word_was_apart_when_it_is_back() -> None:
    fleet = Simulation(3, 1)
    fleet.run(20)
    name = fleet.names[0]
    fleet.stop(name)
    fleet.run(20)
    fleet.start(name)
    fleet.run(10)
    shown = fleet.nodes[fleet.names[1]].presence.peer(name)
    assert shown.apart is not None and shown.flaps == 1


def test_who_starts_a_while_after_it_joined_was_not_apart() -> None:
    fleet = Simulation(3, 1)
    late, *others = fleet.names
    fleet.stop(late)
    for other in others:
        fleet.nodes[other].presence.set_members(others, fleet.now)
    fleet.run(1)
    for other in others:
        fleet.nodes[other].presence.set_members(fleet.names, fleet.now)
    fleet.run(20)
    assert {fleet.state(other, late) for other in others} == {DEAD}
    fleet.start(late)
    fleet.run(10)
    shown = [fleet.nodes[other].presence.peer(late) for other in others]
    assert {(one.state, one.apart, one.flaps) for one in shown} == {(ALIVE, None, 0)}


def test_what_it_sent_before_does_not_raise_it() -> None:
    fleet, name, sent = stopped(3)
    fleet.run(2)
    for to, gossip in sent:
        fleet.inject(name, to, gossip)
    for to in fleet.names[1:]:  # on its way when it stopped, and later than its goodbye
        boot, count = sent[-1][1].boot, sent[-1][1].count + 1
        late = Gossip(kind="news", boot=boot, count=count, re=0, incarnation=1_700_000_000_000)
        fleet.inject(name, to, late)
        fleet.call(to, fleet.nodes[to].presence.heard(name, fleet.now))
    fleet.run(10)
    assert fleet.all_see(name, DEAD)


def test_it_says_nothing_more_whatever_it_hears() -> None:
    fleet = Simulation(3, 1)
    fleet.run(20)
    name, other, _ = fleet.names
    presence = fleet.nodes[name].presence
    fleet.call(name, presence.stopping())
    begun = fleet.now
    sent: list[float] = []
    fleet.watchers.append(lambda sender, to, gossip: sent.append(fleet.now) if sender == name else None)
    accusation = Rumor(word="suspect", about=name, incarnation=presence.incarnation)
    for count, kind in enumerate(("ping", "ask", "news"), 1):
        word = Gossip(kind=kind, boot="0" * 16, count=count, re=0, incarnation=1_700_000_000_000, rumors=[accusation])  # type: ignore[arg-type]
        fleet.inject(other, name, word)
    fleet.run(20)
    assert [at for at in sent if at > begun] == []


def test_who_restarted_meanwhile_remembers_that_it_was_stopped() -> None:
    fleet, name, _ = stopped(3)
    fleet.run(1)
    other = fleet.names[1]
    fleet.stop(other)
    fleet.start(other)
    fleet.run(5)
    shown = fleet.nodes[other].presence.peer(name)
    assert (shown.state, shown.how) == (DEAD, STOPPED)
    fleet.start(name)
    assert fleet.run(10, lambda: fleet.state(other, name) is ALIVE) <= 3.0
    assert fleet.nodes[other].presence.peer(name).apart is None


def test_a_suspect_that_says_that_it_stops_is_dead_of_its_own_word() -> None:
    fleet = Simulation(3, 1)
    fleet.run(20)
    name, other, _ = fleet.names
    fleet.freeze(name, 60)
    fleet.run(10, lambda: fleet.state(other, name) is SUSPECT)
    fleet.nodes[name].frozen_until = fleet.now
    fleet.call(name, fleet.nodes[name].presence.stopping())
    fleet.stop(name)
    fleet.run(1)
    assert fleet.nodes[other].presence.peer(name).how == STOPPED
