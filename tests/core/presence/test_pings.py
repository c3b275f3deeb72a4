"""What a node learns of its own losses from the pings that it sends."""

from collections.abc import Iterable

from multifleet.core.presence.peer import Peer
from multifleet.core.presence.pings import BLOCKED_AFTER, JUDGED_AFTER, Pings
from multifleet.core.presence.states import PresenceState
from multifleet.core.presence.suspicion import to_bury

COUNTS = iter(range(1, 10**6))


def peer(name: str) -> Peer:
    found = Peer(name, 0.0)
    found.state, found.boot = PresenceState.ALIVE, "0" * 16
    return found


def practised(peers: Iterable[Peer]) -> Pings:
    """Of a node whose pings were all answered for a while."""
    pings = Pings()
    for step in range(100):
        for one in peers:
            count = next(COUNTS)
            pings.sent(count, one, step * 0.1)
            pings.answered(one, count, step * 0.1 + 0.01)
            one.heard_at = step * 0.1 + 0.01
    return pings


def unanswered(pings: Pings, to: Peer, many: int, since: float) -> None:
    for number in range(many):
        pings.sent(next(COUNTS), to, since + number * 0.25)


def test_pings_to_one_that_was_buried_teach_nothing_when_it_comes_back_at_once() -> None:
    one, other = peer("one"), peer("other")
    pings = practised([one, other])
    unanswered(pings, one, 8, 10.0)
    pings.buried(one)
    one.heard_at = 12.5
    pings.sent(next(COUNTS), other, 12.5 + JUDGED_AFTER)
    assert to_bury(pings.loss.share) == 8


def test_pings_to_one_that_is_known_as_dead_teach_nothing() -> None:
    one, other = peer("one"), peer("other")
    pings = practised([one, other])
    one.state = PresenceState.DEAD
    unanswered(pings, one, 8, 10.0)
    one.heard_at = 12.5
    pings.sent(next(COUNTS), other, 12.5 + JUDGED_AFTER)
    assert to_bury(pings.loss.share) == 8


def test_pings_to_one_that_may_not_know_this_node_yet_teach_nothing() -> None:
    other, new = peer("other"), Peer("new", 0.0)
    pings = practised([other])
    unanswered(pings, new, 8, 10.0)
    new.heard_at, new.boot = 12.5, "1" * 16
    pings.sent(next(COUNTS), other, 12.5 + JUDGED_AFTER)
    assert to_bury(pings.loss.share) == 8


def test_a_node_that_was_cut_off_itself_learns_no_more_than_of_one_silent_peer() -> None:
    peers = [peer(f"peer-{number}") for number in range(6)]
    pings, single = practised(peers), practised([peers[0]])
    for number, one in enumerate(peers):
        unanswered(pings, one, BLOCKED_AFTER, 10.0 + number * 0.01)
    for one in peers:
        one.lost = 0
        pings.lost(one, BLOCKED_AFTER)
    peers[0].lost = 0
    single.lost(peers[0], BLOCKED_AFTER)
    assert pings.loss.share <= single.loss.share
