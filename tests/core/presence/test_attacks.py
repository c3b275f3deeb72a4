"""What a member that lies can do: cost a bounded amount, and change nobody's state."""

from collections.abc import Callable

import msgspec
import pytest

from multifleet.core.presence.effects import Raised, Reply, Send
from multifleet.core.presence.gossip import Rumor
from multifleet.core.presence.statements import sign_statement
from tests.core.presence.liars import changes, every_second, word
from tests.core.presence.simulation import ALIVE, DEAD, FLEET, SUSPECT, Simulation, signature


def quiet_cost(nodes: int, seconds: float) -> float:
    fleet = Simulation(nodes, 1)
    fleet.run(20)
    fleet.reset_counts()
    fleet.run(seconds)
    return sum(node.sent_bytes for node in fleet.nodes.values())


@pytest.mark.parametrize("nodes", [5, 30])
def test_a_liar_that_accuses_everybody_all_the_time_costs_a_little_and_changes_nothing(nodes: int) -> None:
    fleet = Simulation(nodes, 1)
    fleet.run(20)
    liar, others = fleet.names[0], fleet.names[1:]
    fleet.reset_counts()
    count = [0]

    def lie(second: int) -> None:
        for victim in others:
            accused = [
                Rumor(word="suspect", about=name, incarnation=fleet.nodes[name].presence.incarnation)
                for name in fleet.random.sample(others, min(4, len(others)))
            ]
            count[0] += 1
            fleet.inject(liar, victim, word("news", count[0], rumors=accused))

    every_second(fleet, 120, lie)
    assert changes(fleet, 20.0) == []
    spent = sum(node.sent_bytes for node in fleet.nodes.values())
    assert spent < 6 * quiet_cost(nodes, 120)
    fleet.stop(others[0])
    assert fleet.run(60, lambda: fleet.all_see(others[0], DEAD)) < 30.0, "true deaths are still noticed"


def test_a_suspicion_alone_shows_nobody_as_suspect() -> None:
    fleet = Simulation(2, 1)
    fleet.run(10)
    a, b = fleet.names
    fleet.inject(b, a, word("news", 1, rumors=[Rumor(word="suspect", about=a, incarnation=1_700_000_000_000)]))
    fleet.run(5)
    assert not changes(fleet, 10.0)
    assert fleet.nodes[a].presence.incarnation == 1_700_000_000_001, "it refuted"


def test_a_node_refutes_only_what_is_about_its_own_incarnation_and_not_without_end() -> None:
    fleet = Simulation(2, 1)
    fleet.run(10)
    a, b = fleet.names
    for count, incarnation in enumerate([0, 1_699_999_999_999, 1_700_000_000_001, 10**15], 1):
        fleet.inject(b, a, word("news", count, rumors=[Rumor(word="suspect", about=a, incarnation=incarnation)]))
    fleet.run(1)
    assert fleet.nodes[a].presence.incarnation == 1_700_000_000_000
    for count in range(5, 105):
        now = fleet.nodes[a].presence.incarnation
        fleet.inject(b, a, word("news", count, rumors=[Rumor(word="suspect", about=a, incarnation=now)]))
        fleet.run(0.1)
    raised = [effect for _, effect in fleet.nodes[a].others if isinstance(effect, Raised)]
    assert 1 <= len(raised) <= 3 + 10 / 5 + 1


@pytest.mark.parametrize("said", ["alive", "asleep", "stopped"])
@pytest.mark.parametrize(
    "forge",
    [
        lambda rumor, liar: msgspec.structs.replace(rumor, signature="0" * 128),
        lambda rumor, liar: msgspec.structs.replace(rumor, incarnation=rumor.incarnation + 1),
        lambda rumor, liar: msgspec.structs.replace(rumor, slept=9),
        lambda rumor, liar: msgspec.structs.replace(
            rumor, word="alive" if rumor.word == "asleep" else "asleep", incarnation=rumor.incarnation
        ),
        lambda rumor, liar: sign_statement(
            lambda data: signature(liar, data), FLEET, rumor.about, rumor.word, rumor.incarnation, rumor.slept
        ),
        lambda rumor, liar: sign_statement(
            lambda data: signature(rumor.about, data), "1" * 32, rumor.about, rumor.word, rumor.incarnation, 0
        ),
    ],
    ids=["no signature", "another incarnation", "another sleep", "another word", "own key", "another fleet"],
)
def test_a_statement_that_its_node_did_not_sign_has_no_effect(said: str, forge: Callable[[Rumor, str], Rumor]) -> None:
    fleet = Simulation(3, 1)
    fleet.run(10)
    liar, at, about = fleet.names
    true = sign_statement(lambda data: signature(about, data), FLEET, about, said, 1_700_000_009_000, 0)  # type: ignore[arg-type]
    fleet.inject(liar, at, word("news", 1, rumors=[forge(true, liar)]))
    fleet.run(5)
    assert changes(fleet, 10.0) == []
    assert fleet.nodes[at].presence.peer(about).incarnation == 1_700_000_000_000


def test_unknown_names_are_ignored_wherever_they_stand() -> None:
    fleet = Simulation(2, 1)
    fleet.run(5)
    a, b = fleet.names
    presence = fleet.nodes[a].presence
    assert presence.hear("stranger", word("ping", 1), fleet.now) == []
    for count, gossip in enumerate(
        [
            word("ask", 0, re=7, about="stranger"),
            word("told", 0, re=7, about="stranger", proof="0" * 128),
            word("news", 0, rumors=[Rumor(word="suspect", about="stranger", incarnation=1)]),
            word("news", 0, rumors=[Rumor(word="alive", about="stranger", incarnation=1, signature="0" * 128)]),
        ],
        1,
    ):
        effects = presence.hear(b, msgspec.structs.replace(gossip, count=count), fleet.now)
        assert [effect.to for effect in effects if isinstance(effect, Send)] in ([], [b]), "its boot is not proved"
    on_behalf = presence.hear(b, word("ping", 9, re=7, about="stranger"), fleet.now)
    assert [effect.gossip.proof for effect in on_behalf if isinstance(effect, Reply)] == [""]


def test_a_member_that_floods_is_answered_a_bounded_number_of_times() -> None:
    fleet = Simulation(10, 1)
    fleet.run(5)
    presence = fleet.nodes[fleet.names[0]].presence
    others = fleet.names[1:]
    effects = []
    for count in range(20_000):
        kind = ("ping", "ask", "news")[count % 3]
        about = others[1 + count % 8] if kind == "ask" else ""
        rumors = [Rumor(word="suspect", about=others[1 + count % 8], incarnation=1_700_000_000_000)]
        gossip = word(kind, count, about=about, re=count, rumors=rumors if kind == "news" else [])
        effects += presence.hear(others[0], gossip, fleet.now + count / 20_000)
    answers = [effect for effect in effects if isinstance(effect, Send | Reply)]
    assert len(answers) < 300


def test_an_incarnation_that_a_node_raises_to_the_skies_is_its_own_trouble() -> None:
    fleet = Simulation(3, 1)
    fleet.run(10)
    liar, at, third = fleet.names
    far = sign_statement(lambda data: signature(liar, data), FLEET, liar, "alive", 10**15, 0)
    fleet.inject(liar, at, word("news", 1, rumors=[far]))
    fleet.run(30)
    assert {shown.state for shown in fleet.nodes[at].presence.peers()} == {ALIVE}
    fleet.stop(liar)
    fleet.run(15)
    assert fleet.state(at, liar) is DEAD
    fleet.start(liar)
    fleet.run(15)
    assert fleet.state(at, liar) is ALIVE
    assert not [name for _, _, name, _ in fleet.deaths() if name == third]


def test_suspects_are_not_looked_at_more_often_for_being_accused_by_many() -> None:
    fleet = Simulation(10, 1)
    fleet.run(10)
    pings = [0]
    target = fleet.names[9]
    fleet.watchers.append(
        lambda sender, to, gossip: pings.__setitem__(0, pings[0] + (to == target and gossip.kind == "ping"))
    )
    fleet.run(20)
    quiet, pings[0] = pings[0], 0
    for count in range(1, 20):
        for liar in fleet.names[:5]:
            accused = [Rumor(word="suspect", about=target, incarnation=fleet.nodes[target].presence.incarnation)]
            fleet.inject(liar, fleet.names[6], word("news", count, rumors=accused))
        fleet.run(1)
    assert pings[0] <= quiet + 2 * 9 * 2
    assert SUSPECT not in {fleet.state(name, target) for name in fleet.names[:9]}


def test_after_a_storm_of_false_alarms_the_word_of_two_is_worth_a_look_and_that_of_one_is_not() -> None:
    fleet = Simulation(30, 1)
    fleet.run(10)
    at, target, one, another = (fleet.names[number] for number in (3, 9, 15, 21))
    for peer in fleet.nodes[at].presence._book.peers.values():
        while peer.is_credible(fleet.now):
            pass
    looks: list[str] = []
    fleet.watchers.append(
        lambda sender, to, gossip: looks.append(sender) if (sender, to, gossip.kind) == (at, target, "ping") else None
    )
    accused = [Rumor(word="suspect", about=target, incarnation=fleet.nodes[target].presence.incarnation)]
    for count in range(1, 5):
        fleet.inject(one, at, word("news", count, rumors=accused))
        fleet.run(0.01)
    assert looks == []
    fleet.inject(another, at, word("news", 1, rumors=accused))
    fleet.run(0.01)
    assert looks == [at]
