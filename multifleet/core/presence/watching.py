"""Pings and what their silence means: doubt, suspicion, and death once it is verified.

Only this node's own pings count. A watch runs its own course from the first ping to the answer or the end.
"""

from collections.abc import Callable

from multifleet.core.presence.book import Book
from multifleet.core.presence.effects import Effect, TryHttp
from multifleet.core.presence.favours import Favours
from multifleet.core.presence.peer import NEVER_HEARD, Peer
from multifleet.core.presence.pings import Pings
from multifleet.core.presence.speech import Speech
from multifleet.core.presence.states import PresenceEvent, PresenceState
from multifleet.core.presence.suspicion import to_bury, to_suspect
from multifleet.core.presence.timers import Timers
from multifleet.core.presence.watch import Watch

RETURN_TRIES = 3
"""Pings to one that may be back from the dead."""
ASK_EVERY = 4
"""Pings of a watch after which others are asked again."""


class Watching:
    """All watches of this node. `suspects` is told of each peer that this node comes to suspect, `confirms` of each
    at which another one's suspicion seems to be right."""

    def __init__(
        self,
        book: Book,
        speech: Speech,
        timers: Timers,
        favours: Favours,
        suspects: Callable[[Peer, float], None],
        confirms: Callable[[Peer], None],
        out: list[Effect],
    ) -> None:
        self.pings = Pings()
        self._book = book
        self._speech = speech
        self._timers = timers
        self._favours = favours
        self._suspects = suspects
        self._confirms = confirms
        self._out = out

    def begin(
        self, peer: Peer, now: float, fast: bool = False, facts: bool = False, accuser: str = "", told: bool = True
    ) -> None:
        """Ping a peer, and see it through. One that is being watched already is at most hurried."""
        watch = peer.watch
        if watch is None:
            gone = peer.state in (PresenceState.DEAD, PresenceState.ASLEEP)
            tries = (RETURN_TRIES if fast else 1) if gone else None
            watch = peer.watch = Watch(peer.name, fast, tries, accuser=accuser, told=told)
            self._ping(peer, watch, now, facts)
            self._plan(peer, watch)
        elif fast and watch.tries is not None:
            watch.fast = True
            watch.tries = min(watch.sent + RETURN_TRIES, 4 * RETURN_TRIES)
            self._plan(peer, watch)
        elif fast and not watch.fast:
            watch.fast = True
            watch.accuser, watch.told = accuser, told
            self._plan(peer, watch)

    def close(self, peer: Peer) -> None:
        """The peer lives, or sleeps: end its watch."""
        watch, peer.watch = peer.watch, None
        if watch is not None:
            watch.open = False
            self.pings.lost(peer, watch.unjudged)

    def forgive(self, now: float) -> None:
        """This node was not running: what seemed unanswered says nothing. Whoever is suspected is looked at afresh."""
        self.pings.forget()
        for peer in self._book.peers.values():
            if peer.watch:
                peer.watch.open = False
                peer.watch = None
                if peer.state is PresenceState.SUSPECT:
                    self.begin(peer, now, fast=True)

    def _ping(self, peer: Peer, watch: Watch, now: float, facts: bool = False) -> None:
        again = watch.sent > 0 or watch.tries is not None
        count = self._speech.ping_again(peer) if again else self._speech.ping(peer, now, facts)
        self.pings.sent(count, peer, now, again=watch.sent > 0)
        watch.pinged(now, self.pings.timeout(peer))

    def _plan(self, peer: Peer, watch: Watch) -> None:
        moment = watch.due(to_bury(self.pings.loss.share))
        watch.plan += 1
        plan = watch.plan
        if moment < float("inf"):
            self._timers.at(moment, lambda at: self._look(peer, watch, plan, at))

    def _look(self, peer: Peer, watch: Watch, plan: int, now: float) -> None:
        if not watch.open or plan != watch.plan:
            return
        watch.expire(now)
        if watch.tries is not None:
            if watch.sent < watch.tries and now >= watch.next_at:
                self._ping(peer, watch, now)
            if watch.waiting:
                self._plan(peer, watch)
            else:
                watch.open, peer.watch = False, None
            return
        if watch.missed and not watch.told:
            watch.told = True
            self._confirms(peer)
        share = self.pings.loss.share
        suspicious, enough = to_suspect(share, self._book.nodes), to_bury(share)
        if peer.state is PresenceState.ALIVE and watch.missed >= suspicious:
            self._book.move(peer, PresenceEvent.UNANSWERED, f"{watch.missed} pings unanswered", now)
            self._suspects(peer, now)
        if peer.state is PresenceState.SUSPECT and watch.missed >= enough and not watch.waiting:
            self._bury(peer, watch, now)
            return
        if not watch.tried_http and watch.missed >= enough - max(3, enough // 3):
            watch.tried_http = True
            self._out.append(TryHttp(peer.name))
        if watch.sent < enough and (watch.fast or watch.missed) and now >= watch.next_at:
            self._ping(peer, watch, now)
            if watch.missed >= suspicious // 3 and watch.sent >= watch.asked_at + ASK_EVERY:
                watch.asked_at = watch.sent
                self._favours.ask(peer.name, now)
        self._plan(peer, watch)

    def _bury(self, peer: Peer, watch: Watch, now: float) -> None:
        watch.open, peer.watch = False, None
        self.pings.buried(peer)
        how = f"{watch.missed} pings and an HTTP request unanswered" if peer.how != NEVER_HEARD else NEVER_HEARD
        if watch.accuser in self._book.peers:
            self._book.peers[watch.accuser].was_right()
        self._book.move(peer, PresenceEvent.VERIFIED, how, now)
