"""Peers as a node knows them: their keys, and what of them survives a new card or a new fleet."""

import pytest
from msgspec.structs import replace

from multifleet.errors import UnknownNode
from multifleet.node.members import HEARD_SECONDS, Members
from tests.core.wire import FLEET, MAC1, MAC2, MAC3
from tests.node.fleet import pinned


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
    known.heard_at, known.offset, known.heartbeat = 5.0, 600.0, ("b", 7)
    renewed = members.admit(replace(known.row, addresses=("10.0.0.9:8855",)))
    assert (renewed.heard_at, renewed.offset, renewed.heartbeat) == (5.0, 600.0, ("b", 7))
    assert renewed.addresses == ("10.0.0.9:8855",)


def test_another_fleet_means_other_keys_but_for_what_a_node_says_to_itself(members: Members) -> None:
    before, own = members.need("mac2").incoming, members.need("mac1").incoming
    members.move_to("e" * 32)
    assert members.need("mac2").incoming != before
    assert members.need("mac1").incoming == own
    assert members.fleet == "e" * 32


def test_a_peer_is_taken_to_be_there_for_a_while_after_it_was_heard(members: Members) -> None:
    peer = members.need("mac2")
    assert not peer.is_heard(100.0)
    peer.heard_at = 100.0
    assert peer.is_heard(100.0 + HEARD_SECONDS - 1) and not peer.is_heard(100.0 + HEARD_SECONDS)


def test_the_others_are_all_but_this_node(members: Members) -> None:
    assert [member.node for member in members.others()] == ["mac2"]
    assert sorted(member.node for member in members) == ["mac1", "mac2"]
