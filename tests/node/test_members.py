"""Peers as a node knows them: their keys, and what of them survives a new card or a new fleet."""

import dataclasses

import pytest
from msgspec.structs import replace

from multifleet.core.card import sign_card
from multifleet.core.key_ring import MOST_THEIRS
from multifleet.core.keys import Identity
from multifleet.errors import KeyChanged, UnknownNode
from multifleet.node.members import Members
from multifleet.store.keys import MOST_KEPT
from multifleet.store.rows import PeerRow
from tests.core.wire import FLEET, MAC1, MAC2, MAC3
from tests.node.fleet import pinned

MAC3_AS_MAC2 = dataclasses.replace(MAC3, node="mac2")


@pytest.fixture
def members() -> Members:
    """Of mac1, with mac2 and itself."""
    made = Members(MAC1, FLEET)
    made.admit(pinned(MAC1))
    made.admit(pinned(MAC2, ("10.0.0.2:8855",)))
    return made


def test_a_frame_is_opened_under_the_keys_of_its_sender_and_no_others(members: Members) -> None:
    keys = members.need("mac2").incoming
    assert members.incoming_keys("mac2", keys.kid) is keys
    assert members.incoming_keys("mac2", "0" * 16) is None
    assert members.incoming_keys("mac3", keys.kid) is None
    assert members.incoming_keys("mac1", keys.kid) is None


def test_an_unknown_node_is_told_with_those_that_are_known(members: Members) -> None:
    with pytest.raises(UnknownNode, match="known: mac2"):
        members.need("mac9")
    with pytest.raises(UnknownNode, match="multifleet invite"):
        Members(MAC3, FLEET).need("mac9")


def test_a_new_card_keeps_what_was_learned_of_the_peer(members: Members) -> None:
    known = members.need("mac2")
    known.heard_at, known.offset, known.answers_at = 5.0, 600.0, "10.0.0.8:8855"
    renewed = members.admit(replace(known.row, addresses=("10.0.0.9:8855",)))
    assert (renewed.heard_at, renewed.offset, renewed.answers_at) == (5.0, 600.0, "10.0.0.8:8855")
    assert renewed.addresses == ("10.0.0.9:8855",)


def test_another_fleet_means_other_keys_but_for_what_a_node_says_to_itself(members: Members) -> None:
    before, own = members.need("mac2").incoming, members.need("mac1").incoming
    members.move_to("e" * 32)
    assert members.need("mac2").incoming != before
    assert members.need("mac1").incoming == own
    assert members.fleet == "e" * 32


def test_every_address_is_tried_once_the_one_that_answers_datagrams_first(members: Members) -> None:
    peer = members.need("mac2")
    peer.addresses = ("10.0.0.2:8855", "10.0.0.3:8855")
    assert peer.reachable_at == peer.addresses
    peer.answers_at = peer.calls_from = "10.0.0.2:8855"
    assert peer.reachable_at == peer.addresses
    peer.answers_at, peer.calls_from = "10.0.0.3:8855", "10.0.0.9:40000"
    assert peer.reachable_at == ("10.0.0.3:8855", "10.0.0.2:8855", "10.0.0.9:40000")


def test_the_others_are_all_but_this_node(members: Members) -> None:
    assert [member.node for member in members.others()] == ["mac2"]
    assert sorted(member.node for member in members) == ["mac1", "mac2"]


def test_a_member_stays_the_same_object_under_a_new_card_so_that_what_runs_goes_on(members: Members) -> None:
    known = members.need("mac2")
    known.round_trip, known.calls_from = 0.1, "10.0.0.2:9999"
    assert members.admit(renewed(MAC2, 1, 2)) is known
    assert (known.round_trip, known.calls_from) == (0.1, "10.0.0.2:9999")


def test_a_newer_card_is_written_to_at_once_and_the_older_key_is_still_opened(members: Members) -> None:
    before = members.need("mac2").incoming.kid
    outgoing = members.need("mac2").outgoing
    members.admit(renewed(MAC2, 1, 2))
    assert members.need("mac2").outgoing != outgoing
    assert members.incoming_keys("mac2", before) is not None
    assert members.incoming_keys("mac2", members.need("mac2").incoming.kid) is not None


def test_a_card_that_was_replaced_is_not_taken_back(members: Members) -> None:
    members.admit(renewed(MAC2, 1, 5))
    kept = members.need("mac2").outgoing
    for issued in (4, 5):
        with pytest.raises(KeyChanged, match="older"):
            members.admit(renewed(MAC2, 2, issued))
    assert members.need("mac2").outgoing == kept


def test_one_that_was_removed_is_nobody_at_once_and_comes_back_as_somebody_new(members: Members) -> None:
    gone = members.need("mac2")
    assert members.remove("mac2") is gone and gone.removed
    assert members.incoming_keys("mac2", gone.incoming.kid) is None
    assert members.get("mac2") is None and members.remove("mac2") is None
    again = members.admit(pinned(MAC3_AS_MAC2))
    assert again is not gone and members.incoming_keys("mac2", gone.incoming.kid) is None


def test_what_a_removed_one_stated_stays_provable(members: Members) -> None:
    stated_under = members.need("mac2").incoming.receipt
    members.remove("mac2")
    assert members.receipt_keys("mac2") == [stated_under]


def test_own_keys_are_installed_everywhere_and_used_where_they_are_known(members: Members) -> None:
    peer, itself = members.need("mac2"), members.need("mac1")
    before, old_self = peer.outgoing, itself.incoming.kid
    receipts = members.own_receipts
    members.install(MAC1.rotated(b"n" * 32, 1.0, 2.0))
    assert peer.outgoing == before
    assert itself.outgoing == itself.incoming and itself.incoming.kid != old_self
    assert members.incoming_keys("mac1", old_self) is not None
    assert members.own_receipts == receipts
    members.proved("mac2", peer.incoming.kid)
    assert peer.outgoing != before
    members.proved("mac2", "0" * 16)
    members.proved("mac9", peer.incoming.kid)


def test_a_peer_that_renews_its_key_without_end_costs_no_more_than_a_few_keys(members: Members) -> None:
    for number in range(1, 101):
        members.admit(renewed(MAC2, number, number))
        members.proved("mac2", members.need("mac2").incoming.kid)
    ring = members.need("mac2").ring
    assert len(ring.older) == MOST_THEIRS
    assert len(ring.receipt_keys()) == MOST_THEIRS + 1
    assert len(members.notes.kept("mac2")) == MOST_KEPT
    assert members.incoming_keys("mac2", ring.incoming.kid) is not None


def renewed(identity: Identity, number: int, issued: int) -> PeerRow:
    """The row of a member that has another X25519 key, by its card of that time."""
    made = dataclasses.replace(identity, x25519=bytes([number]) * 32)
    return replace(pinned(made), card=sign_card(made, [], issued, "").card.encode())
