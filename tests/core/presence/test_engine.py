"""One engine against a world that does anything at any time (hypothesis), and what its caller can rely on."""

import random
from collections.abc import Iterator

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from multifleet.core import packets
from multifleet.core.presence.effects import Answered, Changed, Differs, Effect, Raised, Reply, Returned, Send, TryHttp
from multifleet.core.presence.engine import Presence
from multifleet.core.presence.gossip import PACKET_LIMIT, Document, Gossip, Rumor
from multifleet.core.presence.peer import STOPPED
from multifleet.core.presence.statements import sign_statement
from multifleet.core.presence.states import TRANSITIONS, PresenceState
from multifleet.core.presence.suspicion import LEAST_TO_BURY, LEAST_TO_SUSPECT
from tests.core.presence.simulation import FLEET, signature

ME = "me"
NAMES = ["a", "b", "c", "d", "e"]
BEGIN = 1_700_000_000_000
names = st.sampled_from(NAMES)
anybody = st.sampled_from([*NAMES, ME, "stranger"])
numbers = st.integers(0, 40) | st.sampled_from([10**15])


def engine(seed: int = 1, period: float = 1.0) -> Presence:
    return Presence(
        ME,
        BEGIN,
        period,
        random.Random(seed).random,
        lambda data: signature(ME, data),
        lambda node, data, signed: signed == signature(node, data),
        FLEET,
    )


class World(RuleBasedStateMachine):
    """Everything may be said by anybody at any time; only what is signed is true."""

    @initialize(seed=st.integers(0, 2**32))
    def begin(self, seed: int) -> None:
        self.presence = engine(seed)
        self.now = 0.0
        self.members: set[str] = set()
        self.pings: dict[str, list[Gossip]] = {name: [] for name in NAMES}
        self.pinged_since_heard: dict[str, int] = dict.fromkeys(NAMES, 0)
        self.tried_http: set[str] = set()
        self.states: dict[str, PresenceState] = {}
        self.silent: dict[str, set[str]] = {"asleep": set(), "stopped": set()}
        self.counts = dict.fromkeys(NAMES, 100)
        self.incarnations = dict.fromkeys(NAMES, BEGIN)
        self.own = BEGIN
        self.was_member: set[str] = set()
        self.take(self.presence.tick(0.0))

    def take(self, effects: list[Effect]) -> None:
        for effect in effects:
            match effect:
                case Send(to, gossip) | Reply(to, gossip):
                    assert to in self.members
                    assert len(packets.write(gossip)) <= PACKET_LIMIT
                    assert packets.read(packets.write(gossip), Gossip) == gossip
                    if gossip.kind == "ping":
                        self.pings[to] = [*self.pings[to][-50:], gossip]
                        self.pinged_since_heard[to] += 1
                case Changed(name, before, after, how):
                    assert self.states.get(name, PresenceState.SUSPECT) is before and before is not after and how
                    assert after in TRANSITIONS[before].values()
                    if after is PresenceState.SUSPECT:
                        assert self.pinged_since_heard[name] >= LEAST_TO_SUSPECT
                    if after is PresenceState.DEAD and how == STOPPED:
                        assert name in self.silent["stopped"], "it was signed"
                    elif after is PresenceState.DEAD:
                        assert self.pinged_since_heard[name] >= LEAST_TO_BURY and name in self.tried_http
                    if after is PresenceState.ASLEEP:
                        assert name in self.silent["asleep"], "it was signed"
                    self.states[name] = after
                    if after is PresenceState.LEFT:
                        del self.states[name]
                case TryHttp(name):
                    self.tried_http.add(name)
                case Answered(name, round_trip):
                    assert name in self.members and round_trip >= 0
                case Raised(incarnation):
                    assert incarnation > self.own
                    self.own = incarnation
                case Returned(name) | Differs(name):
                    assert name in self.members

    def hear(self, sender: str, **fields: object) -> None:
        incarnation = self.incarnations.get(sender, BEGIN)
        said = {"kind": "news", "boot": "0" * 16, "re": 0, "incarnation": incarnation, **fields}
        if "count" not in said:
            self.counts[sender] = self.counts.get(sender, 100) + 1
            said["count"] = self.counts[sender]
        self.take(self.presence.hear(sender, Gossip(**said), self.now))  # type: ignore[arg-type]
        self.reset(sender)

    def reset(self, name: str) -> None:
        if name in self.members and self.presence.peer(name).heard_at == self.now:
            self.lives(name)

    def lives(self, name: str) -> None:
        self.pinged_since_heard[name] = 0
        self.tried_http.discard(name)

    @rule(wanted=st.sets(names))
    def roster(self, wanted: set[str]) -> None:
        for name in wanted - self.members:
            self.lives(name)
            for said in self.silent.values():
                said.discard(name)
        gone, self.members = self.members - wanted, wanted
        self.take(self.presence.set_members([*wanted, ME], self.now))
        assert not gone & self.states.keys()
        for name in wanted:
            self.states.setdefault(name, PresenceState.SUSPECT)

    @rule(seconds=st.floats(0, 3))
    def time(self, seconds: float) -> None:
        self.now += seconds
        self.take(self.presence.tick(self.now))

    @rule(ticks=st.integers(1, 60))
    def on_time(self, ticks: int) -> None:
        for _ in range(ticks):
            due = self.presence.next_due()
            self.now = max(self.now, due)
            self.take(self.presence.tick(self.now))
            assert self.presence.next_due() > self.now, "what is due is done"

    @rule(name=names, last=st.integers(1, 8))
    def answer(self, name: str, last: int) -> None:
        if len(self.pings[name]) >= last and name in self.members:
            self.hear(name, kind="ack", re=self.pings[name][-last].count)

    @rule(sender=anybody, kind=st.sampled_from(["ping", "ack", "ask", "told", "news"]), re=numbers, count=numbers,
          about=anybody | st.just(""), proof=st.sampled_from(["", "0" * 128]), boot=st.sampled_from("012"),
          digest=st.sampled_from(["", "1" * 16, "2" * 16]))  # fmt: skip
    def anything(self, sender: str, boot: str, **fields: object) -> None:
        before = dict(self.states)
        self.hear(sender, boot=boot * 16, **fields)
        assert {name: state for name, state in self.states.items() if name != sender} == {
            name: state for name, state in before.items() if name != sender
        }, "nobody changes another one's state"

    @rule(sender=names, about=anybody, incarnation=st.integers(-2, 3))
    def accuse(self, sender: str, about: str, incarnation: int) -> None:
        self.hear(sender, rumors=[Rumor(word="suspect", about=about, incarnation=BEGIN + incarnation)])

    @rule(sender=names, about=names, word=st.sampled_from(["alive", "asleep", "stopped"]), slept=st.integers(0, 99))
    def state(self, sender: str, about: str, word: str, slept: int) -> None:
        self.incarnations[about] += 1
        if word != "alive":
            self.silent[word].add(about)
        said = sign_statement(lambda data: signature(about, data), FLEET, about, word, self.incarnations[about], slept)  # type: ignore[arg-type]
        self.hear(sender, rumors=[said])

    @rule(sender=names, about=names, word=st.sampled_from(["alive", "asleep", "stopped"]))
    def forge(self, sender: str, about: str, word: str) -> None:
        before = self.states.get(about)
        forged = sign_statement(lambda data: signature(sender, data + b"x"), FLEET, about, word, BEGIN + 10**6, 0)  # type: ignore[arg-type]
        self.hear(sender, rumors=[forged])
        assert sender == about or self.states.get(about) is before

    @rule(name=anybody)
    def http(self, name: str) -> None:
        self.take(self.presence.heard(name, self.now))
        self.reset(name)

    @rule(sender=names, text=st.text(max_size=600))
    def document(self, sender: str, text: str) -> None:
        document = Document(text=text, signature="0" * 128)
        self.hear(sender, documents=[document])
        self.take(self.presence.spread(document))

    @precondition(lambda self: self.now > 0)
    @rule(slept=st.floats(0, 10**5))
    def sleep(self, slept: float) -> None:
        self.take(self.presence.sleeping(self.now))
        self.now += 1
        self.take(self.presence.woke(slept, self.now))

    @invariant()
    def shows_the_members_and_nobody_else(self) -> None:
        if hasattr(self, "presence"):
            shown = {peer.name: peer.state for peer in self.presence.peers()}
            assert shown == self.states and shown.keys() == self.members
            assert self.presence.incarnation == self.own

    @invariant()
    def stays_small(self) -> None:
        if hasattr(self, "presence"):
            assert self.presence.size < 2_000


TestAnything = World.TestCase
TestAnything.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)


def pings(effects: list[Effect]) -> Iterator[Gossip]:
    return (effect.gossip for effect in effects if isinstance(effect, Send) and effect.gossip.kind == "ping")


def test_a_quiet_engine_costs_the_same_however_many_there_are() -> None:
    """One ping for each period, and one timer for each ping under way."""
    for count in (10, 1_000):
        presence = engine()
        presence.set_members([f"machine-{number}" for number in range(count)], 0.0)
        for number in range(count):
            presence.restore(f"machine-{number}", PresenceState.ALIVE, 0.0, "answers pings", BEGIN)
            presence.heard(f"machine-{number}", 0.0)
        sent, answers, ticks = 0, 1, 0
        presence.tick(0.0)
        while presence.next_due() < 60:
            now = presence.next_due()
            effects = presence.tick(now)
            ticks += 1
            for gossip, effect in zip(pings(effects), effects, strict=False):
                assert isinstance(effect, Send)
                sent, answers = sent + 1, answers + 1
                said = Gossip(kind="ack", boot="0" * 16, count=answers, re=gossip.count, incarnation=BEGIN)
                presence.hear(effect.to, said, now + 0.001)
        assert 54 <= sent <= 67 and ticks <= 2 * sent + 5


def test_a_roster_that_differs_for_more_than_a_moment_is_told_once_in_a_while() -> None:
    presence = engine()
    presence.set_members(["a"], 0.0)
    presence.digest = "1" * 16
    told: list[float] = []
    for count in range(1, 600):
        now = count / 10
        said = Gossip(kind="ping", boot="0" * 16, count=count, re=0, incarnation=BEGIN, digest="2" * 16)
        effects = [*presence.hear("a", said, now), *presence.tick(now)]
        told += [now for effect in effects if isinstance(effect, Differs)]
    assert told and 1.0 <= told[0] <= 2.5
    assert 5 <= len(told) <= 25


def test_a_roster_that_comes_to_agree_in_time_is_not_told() -> None:
    presence = engine()
    presence.set_members(["a"], 0.0)
    presence.digest = "1" * 16
    presence.tick(0.0)
    said = Gossip(kind="ping", boot="0" * 16, count=1, re=0, incarnation=BEGIN, digest="2" * 16)
    effects = presence.hear("a", said, 0.1)
    presence.digest = "2" * 16
    for step in range(2, 50):
        effects += presence.tick(step / 10)
    assert not [effect for effect in effects if isinstance(effect, Differs)]


def test_a_node_whose_store_was_lost_raises_itself_above_what_it_said_before() -> None:
    presence = engine()
    presence.set_members(["a"], 0.0)
    presence.tick(0.0)
    before = sign_statement(lambda data: signature(ME, data), FLEET, ME, "alive", BEGIN + 7_000, 0)
    said = Gossip(kind="news", boot="0" * 16, count=1, re=0, incarnation=BEGIN, rumors=[before])
    assert Raised(BEGIN + 7_001) in presence.hear("a", said, 0.1)
