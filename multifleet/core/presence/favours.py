"""Indirect probes: asking others to ping a peer that does not answer here, and doing the same for them.

The peer signs its answer to the asker's own number, so that whoever passes it on can neither make one up nor use one
again.
"""

from collections import OrderedDict
from typing import TypeVar

from multifleet.core.limits import TokenBucket
from multifleet.core.presence.book import Book
from multifleet.core.presence.gossip import Gossip
from multifleet.core.presence.peer import Peer
from multifleet.core.presence.ring import Dice
from multifleet.core.presence.speech import Speech
from multifleet.core.presence.statements import Sign, Verify, answer

HELPERS = 3
V = TypeVar("V")
KEPT = 256
FRESH = 10.0
"""Seconds for which an answer to a favour is still of use."""


class Favours:
    """What this node asked of others, and what they asked of it."""

    def __init__(self, book: Book, speech: Speech, dice: Dice, sign: Sign, verify: Verify, fleet: str) -> None:
        self._book = book
        self._speech = speech
        self._dice = dice
        self._sign = sign
        self._verify = verify
        self._fleet = fleet
        self._asked: OrderedDict[int, tuple[str, float]] = OrderedDict()
        self._doing: OrderedDict[int, tuple[str, int, str]] = OrderedDict()
        self._signatures = TokenBucket(64, 32)

    def __len__(self) -> int:
        return len(self._asked) + len(self._doing)

    def ask(self, subject: str, now: float) -> None:
        """Ask a few others to ping a peer."""
        helpers = self._book.turns.some(HELPERS, (subject,))
        if not helpers:
            return
        # Nobody can know it before: else a member could collect the peer's answers while it lives, and use them later.
        number = int(self._dice() * 2**49)
        _keep(self._asked, number, (subject, now))
        for helper in helpers:
            self._speech.ask(self._book.peers[helper], subject, number, now)

    def do(self, asker: Peer, gossip: Gossip, now: float) -> int:
        """Ping a member on behalf of another; the ping's number, or 0 where there is no such member."""
        subject = self._book.peers.get(gossip.about)
        if subject is None or subject is asker:
            return 0
        count = self._speech.ping_for(asker.name, gossip.re, subject, now)
        _keep(self._doing, count, (asker.name, gossip.re, subject.name))
        return count

    def done(self, peer: Peer, gossip: Gossip, now: float) -> None:
        """An ack came in; where it answers a favour, the asker is told."""
        asker, number, subject = self._doing.pop(gossip.re, ("", 0, ""))
        if subject == peer.name and gossip.proof and asker in self._book.peers:
            self._speech.told(self._book.peers[asker], subject, number, gossip.proof, now)

    def prove(self, asker: str, number: int, now: float) -> str:
        """This node's signature that it answers another one's number; empty where there are too many."""
        if asker not in self._book.peers or self._signatures.take(now) > 0:
            return ""
        return self._sign(answer(self._fleet, self._speech.me, asker, number))

    def told(self, gossip: Gossip, now: float) -> Peer | None:
        """The peer of which is told that it answered, if it is true."""
        subject, asked_at = self._asked.get(gossip.re, ("", 0.0))
        peer = self._book.peers.get(subject)
        if peer is None or subject != gossip.about or now - asked_at > FRESH:
            return None
        if not self._verify(subject, answer(self._fleet, subject, self._speech.me, gossip.re), gossip.proof):
            return None
        del self._asked[gossip.re]
        return peer


def _keep(kept: OrderedDict[int, V], key: int, value: V) -> None:
    kept[key] = value
    if len(kept) > KEPT:
        kept.popitem(last=False)
