"""Whom to ask or tell something now and not only when its turn comes: who is new or may be back, and, among few,
everybody when this node's facts changed notably. One after the other: however many they are, it is no storm.
"""

from multifleet.core.limits import TokenBucket
from multifleet.core.presence.book import Book
from multifleet.core.presence.gossip import Facts
from multifleet.core.presence.peer import NEVER_HEARD, UNTOLD, WAS_ALIVE, WAS_SUSPECT, Peer
from multifleet.core.presence.ring import Dice
from multifleet.core.presence.speech import MANY, Speech
from multifleet.core.presence.states import PresenceState
from multifleet.core.presence.timers import Timers
from multifleet.core.presence.watching import Watching

EVERY = 0.05
"""Seconds between two pings."""
NEWS, NEWS_BACK = 3, 5.0
"""Changes of facts that are told at once, and the seconds after which one more is."""
UNHEARD = (NEVER_HEARD, WAS_ALIVE, WAS_SUSPECT)


class Introductions:
    """Who waits for a ping, in their order."""

    def __init__(self, book: Book, speech: Speech, watching: Watching, timers: Timers, dice: Dice) -> None:
        self._book = book
        self._speech = speech
        self._watching = watching
        self._timers = timers
        self._dice = dice
        self._waiting: dict[str, None] = {}
        self._running = False
        self._has_news = False
        self._news = TokenBucket(NEWS, 1 / NEWS_BACK)

    def add(self, peer: Peer, now: float) -> None:
        """Ping a peer soon."""
        self._waiting[peer.name] = None
        if not self._running:
            self._running = True
            self._timers.at(now + EVERY * self._dice(), self._next)

    def met(self, peer: Peer) -> None:
        """It was heard, so that nothing need be asked; there may be something to be told."""
        if not self._is_to_be_told(peer):
            self.drop(peer.name)

    def drop(self, name: str) -> None:
        """It is no member any more, or nothing is wanted of it."""
        self._waiting.pop(name, None)

    def facts_change(self, before: Facts | None, after: Facts | None) -> None:
        """What this node shows of itself is replaced."""
        if after and _notable(after) != (before and _notable(before)):
            self._has_news = True

    def tell(self, now: float) -> None:
        """If there is news of this node's facts, see that each that is there hears it."""
        if not self._has_news or (self._book.nodes <= MANY and self._news.take(now) > 0):
            return
        self._has_news = False
        if self._book.nodes <= MANY:
            for peer in self._book.peers.values():
                peer.facts_sent_at = UNTOLD  # also one that is about to be met: it may know the facts of before
                if peer.state is PresenceState.ALIVE:
                    self.add(peer, now)

    def _is_to_be_told(self, peer: Peer) -> bool:
        few = self._book.nodes <= MANY
        return few and peer.facts_sent_at == UNTOLD and self._speech.facts is not None

    def _next(self, now: float) -> None:
        if not self._waiting:
            self._running = False
            return
        name = next(iter(self._waiting))
        del self._waiting[name]
        peer = self._book.peers[name]
        if peer.state is not PresenceState.ALIVE:
            self._watching.begin(peer, now, fast=peer.how in UNHEARD, facts=True)
        elif self._is_to_be_told(peer):
            self._watching.begin(peer, now, facts=True)
        self._timers.at(now + EVERY * (0.5 + self._dice()), self._next)


def _notable(facts: Facts) -> tuple[str, str, int, str]:
    """What of the facts is news where it changes; load, room and commits change all the time."""
    return facts.version, facts.branch, facts.sessions, facts.doing
