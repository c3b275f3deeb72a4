"""Two nodes renew their keys in any order, cards arrive late or not at all, and each opens all that the other sends."""

import hashlib
from dataclasses import dataclass, field

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from multifleet.core.key_ring import Between, KeyRing, own_keys
from multifleet.core.keys import Identity, WeakKey
from tests.core.wire import FLEET, MAC1, MAC2


def key(node: str, number: int) -> bytes:
    """The private key of a node's nth rotation."""
    return hashlib.sha256(f"{node} {number}".encode()).digest()


@dataclass
class Side:
    """One node, and the other as it knows it."""

    identity: Identity
    peer: Identity
    rotations: int = 0
    ring: KeyRing = field(init=False)

    def __post_init__(self) -> None:
        between = Between(FLEET, self.identity.node, self.peer.node)
        self.ring = KeyRing(between, own_keys(self.identity.exchange_keys), self.peer.exchange_public)

    def rotate(self, now: float = 1.0) -> None:
        """A new key, made and installed; nobody has been told."""
        self.rotations += 1
        new = key(self.identity.node, self.rotations)
        self.identity = self.identity.rotated(new, now, now + 100)
        self.ring.install(own_keys(self.identity.exchange_keys))

    def hears_of(self, other: "Side") -> None:
        """The other's newest card arrives."""
        self.ring.renew(other.identity.exchange_public)

    def takes(self, kid: str) -> bool:
        """Whether a frame under this key id is opened; it then counts as proved."""
        if self.ring.find(kid) is None:
            return False
        self.ring.proved(kid)
        return True


def sides() -> tuple[Side, Side]:
    return Side(MAC1, MAC2), Side(MAC2, MAC1)


def test_nothing_changes_for_a_peer_until_it_has_the_new_card_and_used_it() -> None:
    one, two = sides()
    before = one.ring.outgoing
    one.rotate()
    assert one.ring.outgoing == before
    two.hears_of(one)
    assert one.ring.outgoing == before
    assert one.takes(two.ring.outgoing.kid)
    assert one.ring.outgoing != before and two.takes(one.ring.outgoing.kid)
    assert one.ring.in_use == one.identity.exchange_public


def test_a_frame_that_was_on_its_way_does_not_turn_a_switch_back() -> None:
    one, two = sides()
    late = two.ring.outgoing.kid
    one.rotate()
    two.hears_of(one)
    assert one.takes(two.ring.outgoing.kid) and one.takes(late)
    assert one.ring.in_use == one.identity.exchange_public


def test_an_answer_goes_under_the_keys_of_its_question() -> None:
    one, two = sides()
    asked = two.ring.outgoing.kid
    one.rotate()
    two.hears_of(one)
    one.takes(two.ring.outgoing.kid)
    reply = one.ring.reply(asked)
    assert reply != one.ring.outgoing and two.takes(reply.kid)
    assert one.ring.reply("0" * 16) == one.ring.outgoing


def test_a_key_that_was_removed_opens_nothing_more() -> None:
    one, two = sides()
    old = two.ring.outgoing.kid
    one.rotate()
    one.ring.install(own_keys(one.identity.retired(101.0).exchange_keys))
    assert not one.takes(old)
    assert one.ring.in_use == one.identity.exchange_public


def test_a_peers_key_that_is_accepted_no_more_opens_nothing_more() -> None:
    one, two = sides()
    old = one.ring.outgoing.kid
    one.rotate()
    two.hears_of(one)
    assert two.takes(old)
    two.ring.accept([])
    assert not two.takes(old)


def test_a_peer_that_was_let_in_later_is_written_to_under_the_card_that_it_was_given() -> None:
    identity = MAC1.rotated(key("mac1", 1), 50.0, 150.0)
    own = own_keys(identity.exchange_keys)
    between = Between(FLEET, "mac1", "mac2")
    early, late = (KeyRing(between, own, MAC2.exchange_public, met=met) for met in (49.0, 51.0))
    assert (early.in_use, late.in_use) == (MAC1.exchange_public, identity.exchange_public)


def test_a_weak_key_in_a_card_changes_nothing() -> None:
    one, _ = sides()
    before = one.ring.outgoing
    with pytest.raises(WeakKey):
        one.ring.renew(bytes(32))
    assert (one.ring.outgoing, one.ring.theirs, one.ring.older) == (before, MAC2.exchange_public, ())


def test_receipt_keys_of_all_combinations_are_there() -> None:
    one, two = sides()
    stated = [two.ring.outgoing.receipt]
    for rotating, hearing in ((one, two), (two, one), (one, two)):
        rotating.rotate()
        hearing.hears_of(rotating)
        stated.append(two.ring.outgoing.receipt)
    assert set(stated) <= set(one.ring.receipt_keys())


class Rotating(RuleBasedStateMachine):
    """Both rotate as they like; frames and cards travel, wait, and arrive in any order."""

    @initialize()
    def begin(self) -> None:
        self.one, self.two = sides()
        self.flying: list[tuple[Side, str]] = []
        self.names: dict[str, tuple[bytes, bytes]] = {}

    def other(self, side: Side) -> Side:
        return self.two if side is self.one else self.one

    def side(self, first: bool) -> Side:
        return self.one if first else self.two

    @rule(first=st.booleans())
    @precondition(lambda self: self.one.rotations + self.two.rotations < 6)
    def rotate(self, first: bool) -> None:
        self.side(first).rotate()

    @rule(first=st.booleans())
    def card(self, first: bool) -> None:
        self.side(first).hears_of(self.other(self.side(first)))

    @rule(first=st.booleans())
    def send(self, first: bool) -> None:
        self.flying.append((self.other(self.side(first)), self.side(first).ring.outgoing.kid))

    @rule(place=st.integers(0, 30))
    @precondition(lambda self: self.flying)
    def arrive(self, place: int) -> None:
        to, kid = self.flying.pop(place % len(self.flying))
        assert to.takes(kid)
        answer = to.ring.reply(kid)
        assert self.other(to).takes(answer.kid)

    @rule(first=st.booleans())
    def start_anew(self, first: bool) -> None:
        side = self.side(first)
        known = side.ring
        between = Between(FLEET, side.identity.node, side.peer.node)
        own = own_keys(side.identity.exchange_keys)
        side.ring = KeyRing(between, own, known.theirs, older=known.older, shown=known.shown)

    @invariant()
    def what_is_sent_now_is_opened_and_every_key_id_has_one_meaning(self) -> None:
        for side in (self.one, self.two):
            assert self.other(side).ring.find(side.ring.outgoing.kid) == side.ring.outgoing
            for own in side.identity.exchange_keys:
                for theirs in self.other(side).identity.exchange_keys:
                    pair = side.identity.pair_of(own, FLEET, self.other(side).identity.node, theirs.public)
                    ways = ((own.public, theirs.public), (theirs.public, own.public))
                    for keys, meaning in zip(pair, ways, strict=True):
                        assert self.names.setdefault(keys.kid, meaning) == meaning


TestRotating = Rotating.TestCase
TestRotating.settings = settings(max_examples=25, stateful_step_count=25, deadline=None)
