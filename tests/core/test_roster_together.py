"""Several rosters that hear everything in any order, some of it twice and some of it forged, come to the same."""

import functools

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from multifleet.core.documents import Document, Signed
from multifleet.core.documents import read as read_anew
from multifleet.core.roster import Anchor, Roster
from tests.core import fleet
from tests.core.fleet import identity, key
from tests.core.roster_model import Model
from tests.core.wire import FLEET

FOUNDERS = ("mac1", "mac2")
NODES = (*FOUNDERS, "mac3", "mac4", "mac5", "mac6", "mac3.2")
WATCHERS = ("watcher1", "watcher2", "watcher3")

admits, revokes, leaves, shows = map(functools.cache, (fleet.admits, fleet.revokes, fleet.leaves, fleet.shows))
nodes = st.sampled_from(NODES)
pairs = st.permutations(NODES).map(lambda order: (order[0], order[1]))
some = st.lists(nodes, unique=True, max_size=4).map(tuple)
moments = st.integers(1, 4)


@functools.cache
def read(signed: Signed) -> Document:
    """The document, read once."""
    return read_anew(signed, FLEET)


class Together(RuleBasedStateMachine):
    """Three that watch, and the seven about whom they hear; mac3.2 is another machine that calls itself mac3."""

    @initialize(first=st.lists(st.tuples(pairs, moments), max_size=8))
    def begin(self, first: list[tuple[tuple[str, str], int]]) -> None:
        anchors = {key(each): Anchor(each) for each in FOUNDERS}
        self.rosters = [Roster(FLEET, key(watcher), anchors) for watcher in WATCHERS]
        self.said: list[Signed] = [admits(*pair, at) for pair, at in first]
        self.bad: set[Signed] = set()

    @rule(pair=pairs, at=moments, role=st.sampled_from(["captain", "captain", "worker"]), eligible=st.booleans())
    def admit(self, pair: tuple[str, str], at: int, role: str, eligible: bool) -> None:
        self.said.append(admits(*pair, at, role=role, eligible=eligible))

    @rule(pair=pairs, at=moments, admitted=some, revoked=some)
    def revoke(self, pair: tuple[str, str], at: int, admitted: tuple[str, ...], revoked: tuple[str, ...]) -> None:
        self.said.append(revokes(*pair, at, admitted, revoked))

    @rule(pair=pairs, at=moments, admitted=some)
    def revoke_each_other(self, pair: tuple[str, str], at: int, admitted: tuple[str, ...]) -> None:
        self.said += [revokes(*pair, at, admitted), revokes(*reversed(pair), at, admitted)]

    @rule(order=st.permutations(NODES), length=st.integers(3, 5))
    def revoke_in_a_circle(self, order: list[str], length: int) -> None:
        circle = order[:length]
        self.said += [revokes(by, node, 2, NODES) for by, node in zip(circle, [*circle[1:], circle[0]], strict=True)]

    @rule(node=nodes, at=moments)
    def leave(self, node: str, at: int) -> None:
        self.said.append(leaves(node, at))

    @rule(node=nodes, issued=moments)
    def show(self, node: str, issued: int) -> None:
        self.said.append(shows(node, issued))

    @precondition(lambda self: self.said)
    @rule(data=st.data(), by=nodes)
    def forge(self, data: st.DataObject, by: str) -> None:
        text = data.draw(st.sampled_from(self.said)).text
        forged = Signed(text, identity("forger").sign(text.encode()).hex())
        self.said.append(forged)
        self.bad.add(forged)

    @rule(pair=pairs, at=moments)
    def speak_of_another_fleet(self, pair: tuple[str, str], at: int) -> None:
        foreign = [revokes(*pair, at, fleet="e" * 32), admits(*pair, at, fleet="e" * 32)]
        self.said += foreign
        self.bad.update(foreign)

    @precondition(lambda self: self.said)
    @rule(data=st.data(), number=st.integers(0, 2))
    def hear(self, data: st.DataObject, number: int) -> None:
        heard = data.draw(st.lists(st.sampled_from(self.said), max_size=12))
        before = set(self.rosters[number].documents())
        merged = self.rosters[number].merge(heard)
        assert {each.signed for each in merged.refused} <= self.bad
        after = before | {each.signed for each in merged.new}
        assert after - {each.signed for each in merged.gone} == set(self.rosters[number].documents())

    @rule(one=st.integers(0, 2), other=st.integers(0, 2))
    def reconcile(self, one: int, other: int) -> None:
        here, there = self.rosters[one], self.rosters[other]
        differing = [
            number
            for number, (mine, yours) in enumerate(zip(here.buckets(), there.buckets(), strict=True))
            if mine != yours
        ]
        told = here.documents(differing)
        here.merge(there.documents(differing))
        there.merge(told)
        assert here.digest() == there.digest()
        assert here.view() == there.view()

    @invariant()
    def what_each_sees_follows_from_the_rules(self) -> None:
        for made in self.rosters:
            view = made.view()
            documents = [read(signed) for signed in made.documents()]
            model = Model(map(key, FOUNDERS), documents, made.me)
            gone = {each: out.how for each, out in view.out.items()}
            named = {each for each, how in gone.items() if how == "name-taken"}
            assert {each: how for each, how in gone.items() if how != "name-taken"} == model.out()
            assert set(view.by_key) == model.members() - named
            since = model.since()
            assert all(member.at == since[each] for each, member in view.by_key.items())
            assert {view.members[out.node].key for out in view.out.values() if out.key in named} <= set(view.by_key)

    @invariant()
    def whom_a_captain_puts_out_that_nobody_contradicts_is_out(self) -> None:
        for made in self.rosters:
            revocations = [read(each) for each in made.documents() if '"kind":"revocation"' in each.text]
            contradicted = {each.key for each in revocations}
            for each in revocations:
                if each.by in map(key, FOUNDERS) and each.by not in contradicted:
                    assert made.view().out[each.key].how == "revoked"
                    assert each.id in made.view().accepted

    @invariant()
    def whom_an_accepted_revocation_names_is_out(self) -> None:
        for made in self.rosters:
            view = made.view()
            for document in (read(each) for each in made.documents()):
                if document.id in view.accepted:
                    assert view.out[document.key].how == "revoked"
                    assert document.key not in view.by_key

    def teardown(self) -> None:
        for turn, made in enumerate(self.rosters):
            made.merge(self.said[turn:] + self.said[:turn] if turn % 2 else reversed(self.said))
        assert len({made.digest() for made in self.rosters}) == 1
        first = self.rosters[0].view()
        assert all(made.view() == first for made in self.rosters)
        assert not self.bad & set(self.rosters[0].documents())


TestTogether = Together.TestCase
TestTogether.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)
