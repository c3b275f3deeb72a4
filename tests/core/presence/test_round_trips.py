"""Which answers tell how long the way to a peer is."""

import pytest

from multifleet.core.presence.peer import Peer
from multifleet.core.presence.pings import Pings


def test_an_answer_in_time_is_a_round_trip() -> None:
    pings, peer = Pings(), Peer("mac2", 0.0)
    pings.sent(1, peer, 10.0)
    assert pings.answered(peer, 1, 10.02) == pytest.approx(0.02)
    assert peer.shown().round_trip == pytest.approx(0.02)


def test_what_waited_while_the_peer_was_stopped_is_none() -> None:
    """It still proves that the peer lives."""
    pings, peer = Pings(), Peer("mac2", 0.0)
    pings.sent(1, peer, 10.0)
    for number in range(2, 20):
        pings.sent(number, peer, 10.0 + number / 4, again=True)
    for number in range(1, 20):
        assert pings.answered(peer, number, 14.8) is not None
    assert peer.shown().round_trip is None
    pings.sent(20, peer, 15.0)
    pings.answered(peer, 20, 15.01)
    assert peer.shown().round_trip == pytest.approx(0.01)


def test_an_answer_is_taken_once_and_from_the_peer_alone() -> None:
    pings, peer = Pings(), Peer("mac2", 0.0)
    pings.sent(1, peer, 10.0)
    assert pings.answered(Peer("mac3", 0.0), 1, 10.1) is None
    assert pings.answered(peer, 1, 10.1) is not None
    assert pings.answered(peer, 1, 10.2) is None
