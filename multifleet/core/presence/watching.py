"""Pings and what their silence means: doubt, suspicion, and death once it is verified.

Only this node's own pings count. A watch runs its own course from the first ping to the answer or the end.
"""

from collections import OrderedDict
from collections.abc import Callable

from multifleet.core.presence.book import Book
from multifleet.core.presence.effects import Effect, TryHttp
from multifleet.core.presence.favours import Favours
from multifleet.core.presence.peer import NEVER_HEARD, Peer
from multifleet.core.presence.rtt import RoundTrip
from multifleet.core.presence.speech import Speech
from multifleet.core.presence.states import PresenceEvent, PresenceState
from multifleet.core.presence.suspicion import LossEstimate, to_bury, to_suspect
from multifleet.core.presence.timers import Timers
from multifleet.core.presence.watch import Watch

REMEMBERED = 10.0
"""Seconds for which the answer to a ping is still taken."""
PINGS_KEPT = 4_096


class Watching:
    """All watches of this node. `suspects` is told of each peer that this node comes to suspect by itself."""

    def __init__(
        self,
        book: Book,
        speech: Speech,
        timers: Timers,
        favours: Favours,
        suspects: Callable[[Peer, float], None],
        out: list[Effect],
    ) -> None:
        self.loss = LossEstimate()
        self._book = book
        self._speech = speech
        self._timers = timers
        self._favours = favours
        self._suspects = suspects
        self._out = out
        self._fleet_rtt = RoundTrip()
        self._pings: OrderedDict[int, tuple[str, float]] = OrderedDict()

    def begin(self, peer: Peer, now: float, fast: bool = False, facts: bool = False, accuser: str = "") -> None:
        """Ping a peer, and see it through. One that is being watched already is at most hurried."""
        watch = peer.watch
        if watch is None:
            once = peer.state in (PresenceState.DEAD, PresenceState.ASLEEP)
            watch = peer.watch = Watch(peer.name, fast, once, accuser=accuser)
            self._ping(peer, watch, now, facts)
            self._plan(peer, watch)
        elif fast and not watch.fast and not watch.once:
            watch.fast = True
            watch.accuser = accuser
            self._plan(peer, watch)

    def track(self, count: int, name: str, now: float) -> None:
        """A ping went out that belongs to no watch."""
        while self._pings and (
            len(self._pings) >= PINGS_KEPT or now - next(iter(self._pings.values()))[1] > REMEMBERED
        ):
            self._pings.popitem(last=False)
        self._pings[count] = (name, now)

    def answered(self, peer: Peer, count: int, now: float) -> float | None:
        """The round trip of the ping that the peer answers; None where it was never sent, or was answered before."""
        name, sent_at = self._pings.get(count, ("", 0.0))
        if name != peer.name:
            return None
        del self._pings[count]
        if now - sent_at > REMEMBERED:
            return None
        peer.rtt.learn(now - sent_at)
        self._fleet_rtt.learn(now - sent_at)
        return now - sent_at

    def close(self, peer: Peer, direct: bool = True) -> str:
        """The peer lives: end its watch, and learn from it how many pings get lost. Says who had accused it."""
        watch, peer.watch = peer.watch, None
        if watch is None:
            return ""
        watch.open = False
        if not watch.once:
            # What others had to tell is no measure of the whole network: one blocked way is one lost ping.
            self.loss.learn(1 if direct else 0, watch.missed if direct else min(1, watch.missed))
        return watch.accuser

    def forgive(self, now: float) -> None:
        """This node was not running: what seemed unanswered says nothing. Whoever is suspected is looked at afresh."""
        for peer in self._book.peers.values():
            if peer.watch:
                peer.watch.open = False
                peer.watch = None
                if peer.state is PresenceState.SUSPECT:
                    self.begin(peer, now, fast=True)

    def _ping(self, peer: Peer, watch: Watch, now: float, facts: bool = False) -> None:
        everywhere = watch.sent > 0 or watch.once or peer.how == NEVER_HEARD
        self.track(self._speech.ping(peer, now, everywhere, facts), peer.name, now)
        watch.pinged(now, peer.rtt.timeout(self._fleet_rtt.timeout()))
        if not watch.once and (watch.sent == 2 or watch.sent % 4 == 0):
            self._favours.ask(peer.name, now)

    def _plan(self, peer: Peer, watch: Watch) -> None:
        moment = watch.due(to_bury(self.loss.share))
        watch.plan += 1
        plan = watch.plan
        if moment < float("inf"):
            self._timers.at(moment, lambda at: self._look(peer, watch, plan, at))

    def _look(self, peer: Peer, watch: Watch, plan: int, now: float) -> None:
        if not watch.open or plan != watch.plan:
            return
        watch.expire(now)
        share = self.loss.share
        enough = to_bury(share)
        if watch.once:
            if watch.missed:
                watch.open, peer.watch = False, None
            return
        if peer.state is PresenceState.ALIVE and watch.missed >= to_suspect(share, self._book.nodes):
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
        self._plan(peer, watch)

    def _bury(self, peer: Peer, watch: Watch, now: float) -> None:
        watch.open, peer.watch = False, None
        how = f"{watch.missed} pings and an HTTP request unanswered" if peer.how != NEVER_HEARD else NEVER_HEARD
        if watch.accuser in self._book.peers:
            self._book.peers[watch.accuser].credit.give()
        self._book.move(peer, PresenceEvent.VERIFIED, how, now)
