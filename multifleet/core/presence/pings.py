"""The pings that are under way, each by its number, and what becomes of them: the measure of what this node loses."""

from collections import OrderedDict, deque

from multifleet.core.presence.peer import Peer
from multifleet.core.presence.rtt import MOST, RoundTrip
from multifleet.core.presence.states import PresenceState
from multifleet.core.presence.suspicion import LossEstimate

REMEMBERED = 10.0
"""Seconds for which the answer to a ping is still taken."""
JUDGED_AFTER = 2.0
"""Seconds after which a ping without an answer counts as lost, if its peer was heard since."""
BLOCKED_AFTER = 12
"""Lost pings in a row to a peer that lives: the way to it is blocked, which says nothing about other ways."""
KEPT = 4_096
GONE = frozenset({PresenceState.DEAD, PresenceState.ASLEEP})
"""Nobody expects an answer of these."""


class Pings:
    """Numbers in, round trips and the share of losses out."""

    def __init__(self) -> None:
        self.loss = LossEstimate()
        self._all = RoundTrip()
        self._pings: OrderedDict[int, tuple[Peer, float, float, bool]] = OrderedDict()
        self._fates: deque[int] = deque()
        self._unanswered = 0
        self._deaf_until = float("-inf")
        self._deaf_room = 0
        self._now = float("-inf")

    def __len__(self) -> int:
        return len(self._pings) + len(self._fates)

    def timeout(self, peer: Peer) -> float:
        """Seconds after which a ping to this peer counts as unanswered."""
        return (peer.rtt or self._all).timeout()

    def sent(self, count: int, peer: Peer, now: float, *, again: bool = False) -> None:
        """A ping went out; `again` where another one before it had no answer yet."""
        while self._pings:
            at = next(iter(self._pings.values()))[1]
            if len(self._pings) < KEPT and now - at <= REMEMBERED:
                break
            self._pings.popitem(last=False)
        self._pings[count] = (peer, now, now + self.timeout(peer), again)
        if peer.boot and peer.state not in GONE:  # who was never heard may not know this node yet
            self._fates.append(count)
            self._unanswered += 1
            if self._unanswered == BLOCKED_AFTER:
                self._deaf_room = BLOCKED_AFTER
        self._now = now
        self._judge(now)

    def answered(self, peer: Peer, count: int, now: float) -> float | None:
        """The round trip of the ping that the peer answers; None where it was never sent, or was answered before.

        What waited in a socket while the peer, or this node, was not running says nothing about the way between them:
        no answer that comes later than any ping waits, and none to a repeated ping (Karn's rule), is learned from.
        """
        known, sent_at, in_time, again = self._pings.get(count, (None, 0.0, 0.0, False))
        if known is not peer:
            return None
        del self._pings[count]
        self._end_silence(now)
        if now - sent_at > REMEMBERED:
            return None
        if now - sent_at <= MOST and not again:
            peer.has_round_trip(now - sent_at)
            self._all.learn(now - sent_at)
        peer.lost = 0
        if now <= in_time:
            self.loss.learn(1, 0)
        else:
            self._learn_lost(1)
        return now - sent_at

    def buried(self, peer: Peer) -> None:
        """The peer is dead: that its last pings stayed unanswered says nothing of others, should it be back soon."""
        self._fates = deque(count for count in self._fates if self._pings.get(count, (None,))[0] is not peer)

    def forget(self) -> None:
        """This node was not running: what was not answered meanwhile is not lost."""
        self._fates.clear()

    def _judge(self, now: float) -> None:
        while self._fates:
            peer, sent_at, _, _ = self._pings.get(self._fates[0], (None, 0.0, 0.0, False))
            if peer is not None and now - sent_at < JUDGED_AFTER:
                return
            self._fates.popleft()
            if peer is None:
                continue  # answered
            if peer.watch is not None and peer.watch.tries is None:
                peer.watch.unjudged += 1
            elif peer.heard_at is not None and peer.heard_at > sent_at:
                self.lost(peer, 1)

    def lost(self, peer: Peer, pings: int) -> None:
        """Pings to a peer that turned out to live."""
        peer.lost += pings
        if peer.lost <= BLOCKED_AFTER:
            self._learn_lost(pings)

    def _learn_lost(self, pings: int) -> None:
        if self._unanswered >= BLOCKED_AFTER or self._now <= self._deaf_until:
            # Nobody was heard: this node itself was cut off, which teaches no more than the silence of one peer does.
            pings = min(pings, self._deaf_room)
            self._deaf_room -= pings
        self.loss.learn(0, pings)

    def _end_silence(self, now: float) -> None:
        if self._unanswered >= BLOCKED_AFTER:
            self._deaf_until = now + JUDGED_AFTER
        self._unanswered = 0
        self._now = now
