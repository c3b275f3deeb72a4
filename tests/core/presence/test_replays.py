"""What was said once and is played again, by whomever, raises nobody from the dead."""

import pytest

from multifleet.core.presence.gossip import Gossip, Rumor
from multifleet.core.presence.statements import answer, sign_statement
from tests.core.presence.liars import changes, every_second, word
from tests.core.presence.simulation import ALIVE, ASLEEP, DEAD, FLEET, Network, Simulation, signature


@pytest.mark.parametrize("after", [1.6, 2.0, 2.4, 2.8, 3.2])
def test_what_a_dead_node_said_before_it_was_accused_refutes_nothing(after: float) -> None:
    fleet = Simulation(5, 1)
    fleet.run(20)
    victim, *others = fleet.names
    incarnation = fleet.nodes[victim].presence.incarnation
    fleet.stop(victim)
    fleet.run(after)
    said = sign_statement(lambda text: signature(victim, text), FLEET, victim, "alive", incarnation, 0)
    for name in others:
        fleet.nodes[name].presence._book.peers[victim].stated = 0  # its pings alone told of this incarnation
        fleet.inject(others[others.index(name) - 1], name, word("news", 1, rumors=[said]))
    assert after + fleet.run(10, lambda: fleet.all_see(victim, DEAD)) < 6.0


def test_an_old_statement_that_is_replayed_has_no_effect() -> None:
    fleet = Simulation(3, 1)
    fleet.run(10)
    liar, at, about = fleet.names
    heard: list[Rumor] = []
    fleet.watchers.append(lambda sender, to, gossip: heard.extend(r for r in gossip.rumors if r.signature))
    fleet.call(about, fleet.nodes[about].presence.sleeping(fleet.now))
    fleet.run(2)
    assert fleet.state(at, about) is ASLEEP
    fleet.call(about, fleet.nodes[about].presence.woke(5, fleet.now))
    fleet.run(10)
    since = fleet.now
    for count, rumor in enumerate(set(heard), 1):
        fleet.inject(liar, at, word("news", count, rumors=[rumor]))
    fleet.run(5)
    assert len(set(heard)) >= 2 and changes(fleet, since) == []


def test_statements_do_not_raise_the_dead() -> None:
    """Not even true ones that somebody had kept back."""
    fleet = Simulation(3, 1, Network(http=False))
    fleet.run(10)
    liar, at, about = fleet.names
    fleet.stop(about)
    fleet.run(20)
    since = fleet.now
    kept = sign_statement(lambda data: signature(about, data), FLEET, about, "alive", 1_700_000_000_005, 60)
    fleet.inject(liar, at, word("news", 1, rumors=[kept]))
    fleet.run(20)
    assert changes(fleet, since) == [] and fleet.state(at, about) is DEAD


def test_nothing_that_is_replayed_makes_a_dead_node_live() -> None:
    """Every packet that it ever sent, again, in order and in reverse, also after this node has restarted."""
    fleet = Simulation(3, 1)
    recorded: list[tuple[str, str, Gossip]] = []
    fleet.watchers.append(lambda sender, to, gossip: recorded.append((sender, to, gossip)))
    fleet.run(40)
    dead, at, _ = fleet.names
    fleet.stop(dead)
    fleet.run(20)
    for restart in (False, True):
        if restart:
            fleet.stop(at)
            fleet.start(at)
        since = fleet.now
        old = [gossip for sender, to, gossip in recorded if (sender, to) == (dead, at)]
        assert len(old) > 40
        for gossip in [*old, *reversed(old)]:
            fleet.inject(dead, at, gossip)
            fleet.run(0.02)
        fleet.run(5)
        assert [change for change in changes(fleet, since) if getattr(change, "name", "") == dead] == []
        assert fleet.state(at, dead) is DEAD


def test_an_answer_to_a_ping_that_was_never_sent_is_no_sign_of_life() -> None:
    fleet = Simulation(2, 1, Network(http=False))
    fleet.run(10)
    a, dead = fleet.names
    fleet.stop(dead)
    fleet.run(10)
    since = fleet.now
    for count in range(500):
        fleet.inject(dead, a, word("ack", count, re=count))
        fleet.inject(dead, a, word("told", 1_000 + count, re=count, about=dead, proof="0" * 128))
    fleet.run(2)
    assert changes(fleet, since) == []


def test_a_helper_cannot_make_up_that_a_dead_node_answered_nor_use_an_answer_twice() -> None:
    fleet = Simulation(3, 1, Network(http=False))
    proofs: list[Gossip] = []
    fleet.watchers.append(lambda sender, to, gossip: proofs.append(gossip) if gossip.kind == "told" else None)
    a, helper, about = fleet.names
    fleet.run(20)
    fleet.cut = lambda sender, recipient: (sender, recipient) == (a, about)
    fleet.run(20)
    assert proofs and fleet.state(a, about) is ALIVE
    fleet.stop(about)
    asked: list[int] = []
    fleet.watchers.append(lambda s, to, gossip: asked.append(gossip.re) if gossip.kind == "ask" else None)
    lied = [0]

    def lie() -> bool:
        while asked:
            number = asked.pop()
            forged = signature(helper, answer(FLEET, about, a, number))
            for proof in (forged, proofs[-1].proof):
                lied[0] += 1
                fleet.inject(helper, a, word("told", lied[0], re=number, about=about, proof=proof))
        return fleet.state(a, about) is DEAD

    fleet.run(40, lie)
    assert lied[0] and fleet.state(a, about) is DEAD


def test_answers_that_a_liar_collects_while_a_node_lives_are_of_no_use_when_it_is_dead() -> None:
    fleet = Simulation(3, 1, Network(http=False))
    a, liar, about = fleet.names
    heard: list[int] = []
    asked: list[int] = []
    proofs: dict[int, str] = {}

    def watch(sender: str, to: str, gossip: Gossip) -> None:
        if sender == a:
            heard.append(gossip.count)
        if sender == a and gossip.kind == "ask":
            asked.append(gossip.re)
        if to == liar and gossip.proof:
            proofs[gossip.re] = gossip.proof

    fleet.watchers.append(watch)
    fleet.run(5)
    first = heard[-1]

    def collect(second: int) -> None:
        for number in range(20 * second, 20 * second + 20):
            fleet.inject(liar, about, word("ping", first + number, re=first + number, about=a))

    every_second(fleet, 60, collect)
    assert len(proofs) > 1_000
    fleet.stop(about)
    fleet.run(40, lambda: fleet.state(a, about) is DEAD)
    assert fleet.state(a, about) is DEAD
    assert asked and not proofs.keys() & set(asked)
