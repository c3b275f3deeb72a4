"""Presence: who is there now. SWIM (Das, Gupta, Motivala 2002) with Lifeguard's self-awareness (Dadgar, Phillips,
Currey 2017), one algorithm from 2 to 1,000 nodes.

A Presence decides and never sends. Its caller carries out the effects that each method returns:

    effects = presence.tick(now)                    # at next_due() or later; late ticks are understood
    effects = presence.hear(sender, gossip, now)    # a datagram whose frame was opened

`now` is the node's monotonic clock. What a caller has to keep: the effects `Changed` and `Raised`, and `restore` at a
start before the first tick. Replays are told here (boot, count), so the caller passes on every authentic packet.

Nobody is believed about anybody else: a peer is dead when this node's own pings stayed unanswered or it signed that it
stops, and alive when it answered, or signed a statement that refutes a suspicion.
"""

from collections.abc import Iterable

from multifleet.core.presence.book import Book
from multifleet.core.presence.effects import Answered, Differs, Effect, Returned
from multifleet.core.presence.favours import Favours
from multifleet.core.presence.gossip import Document, Facts, Gossip
from multifleet.core.presence.introductions import Introductions
from multifleet.core.presence.peer import WAS_ALIVE, WAS_SUSPECT, Peer, PeerPresence
from multifleet.core.presence.ring import Dice
from multifleet.core.presence.speech import Speech
from multifleet.core.presence.statements import Sign, Verify
from multifleet.core.presence.states import PresenceEvent, PresenceState
from multifleet.core.presence.talk import FANOUT, Talk
from multifleet.core.presence.timers import Timers
from multifleet.core.presence.watching import Watching

LATE = 1.0
"""Seconds that a tick may be late before this node knows that it was not running."""
GONE_EVERY = 10
"""Periods after which one of the dead or asleep is tried."""
SWEEP_EVERY = 10.0
DIFFERS_AFTER = 1.0
DIFFERS_AGAIN = 5.0
SUCCESSORS = 8

PINGS = "answers pings"
OTHERS = "answers pings of others"
FRAMES = "its frames arrive"
HEARD = "heard"
HEARD_BY = {"ack": "answer", "ping": "ping"}
"""What was heard last, for a packet of each kind."""


class Presence:
    """One node's picture of the others. `sign` signs as this node, `verify` checks a member's signature (both in hex).

    Set `facts` and `digest` (of the roster, 16 hex digits) whenever they change; the next packets carry them.
    """

    def __init__(
        self, me: str, incarnation: int, period: float, dice: Dice, sign: Sign, verify: Verify, fleet: str
    ) -> None:
        self._period = period
        self._dice = dice
        self._out: list[Effect] = []
        self._timers = Timers()
        self._book = Book(me, dice, self._out)
        self._speech = Speech(me, incarnation, dice, self._out)
        self._favours = Favours(self._book, self._speech, dice, sign, verify, fleet)
        self._watching = Watching(
            self._book, self._speech, self._timers, self._favours, self._suspect, self._confirm, self._out
        )
        self._talk = Talk(self._book, self._speech, sign, verify, fleet, self._look, self._watching.close, self._out)
        self._turn = 0
        self._started = False
        self._asleep = False
        self._stopped = False
        self._introductions = Introductions(self._book, self._speech, self._watching, self._timers, dice)
        self._swept_at = float("-inf")

    @property
    def incarnation(self) -> int:
        """This node's own; it only grows."""
        return self._speech.incarnation

    @property
    def facts(self) -> Facts | None:
        """What this node shows of itself."""
        return self._speech.facts

    @facts.setter
    def facts(self, facts: Facts | None) -> None:
        self._introductions.facts_change(self._speech.facts, facts)
        self._speech.facts = facts

    @property
    def digest(self) -> str:
        """The digest of this node's roster; empty: none is told or compared."""
        return self._speech.digest

    @digest.setter
    def digest(self, digest: str) -> None:
        self._speech.digest = digest

    @property
    def size(self) -> int:
        """How much it remembers beside its records of members: timers, pings, favours, rumors. Bounded."""
        return len(self._timers) + len(self._watching.pings) + len(self._favours) + len(self._speech.queue)

    def set_members(self, names: Iterable[str], now: float) -> list[Effect]:
        """The other members, from the roster. Those that are new here are `suspect` until they are heard."""
        wanted = set(names) - {self._speech.me}
        known = self._book.peers
        for name in [name for name in known if name not in wanted]:
            self._book.remove(name)
            self._introductions.drop(name)
        for peer in self._book.admit(sorted(wanted - known.keys()), now):
            self._introductions.add(peer, now)
        return self._done()

    def restore(self, name: str, state: PresenceState, since: float, how: str, incarnation: int) -> None:
        """What the store remembers of a member, once after `set_members`; `since` may lie before the clock's zero.

        Who was alive then is suspect until there is word of it in this run, and is asked for it soon.
        """
        peer = self._book.peers.get(name)
        if peer is not None and state is not PresenceState.LEFT:
            peer.incarnation = peer.stated = peer.silent = incarnation
            if state is PresenceState.ALIVE:
                peer.was = (since, incarnation)
                self._book.put(peer, PresenceState.SUSPECT, WAS_ALIVE)
                return
            peer.since = since
            self._book.put(peer, state, WAS_SUSPECT if state is PresenceState.SUSPECT else how)

    def next_due(self) -> float:
        """When `tick` is wanted next."""
        return self._timers.next if self._started else 0.0

    def tick(self, now: float) -> list[Effect]:
        """Do what is due."""
        if not self._started:
            self._started = True
            self._talk.state("alive")
            self._timers.at(now + self._period * self._dice(), self._beat)
        elif now - self._timers.next > LATE:
            self._watching.forgive(now)
        self._introductions.tell(now)
        for job in self._timers.due(now):
            job(now)
        return self._done()

    def hear(self, sender: str, gossip: Gossip, now: float) -> list[Effect]:
        """A packet whose frame proved its sender. Unknown senders and replays have no effect at all."""
        peer = self._book.peers.get(sender)
        if peer is None or self._stopped:
            return []
        round_trip = None
        if gossip.kind == "ack":
            round_trip = self._watching.pings.answered(peer, gossip.re, now)
        if peer.is_replay(gossip.boot, gossip.count):
            return []
        if round_trip is not None and peer.proves(gossip.boot):
            self._out.append(Returned(sender))
        current = gossip.boot == peer.boot
        self._talk.hear(peer, gossip, now)
        if gossip.facts and (current or not peer.boot):
            peer.facts, peer.facts_at = gossip.facts, now
        if current:
            self._lives(peer, gossip, now)
        elif self._is_worth_a_ping(peer, gossip):
            self._watching.begin(peer, now, fast=peer.state is not PresenceState.ALIVE)
        if round_trip is not None:
            self._out.append(Answered(sender, round_trip))
        self._act(peer, gossip, now)
        return self._done()

    def heard(self, name: str, now: float) -> list[Effect]:
        """The peer proved over another channel (a fresh signed frame of its over HTTP) that it lives."""
        peer = self._book.peers.get(name)
        if peer is not None:
            if peer.is_silent:
                self._watching.begin(peer, now, fast=True)
            else:
                self._alive(peer, FRAMES, now)
                peer.heard_by = "frame"
        return self._done()

    def check(self, name: str, now: float) -> list[Effect]:
        """There is reason to ping the peer now, and no reason to doubt that it lives: it may have moved, say."""
        peer = self._book.peers.get(name)
        if peer is not None:
            self._watching.begin(peer, now)
        return self._done()

    def sleeping(self, now: float) -> list[Effect]:
        """This machine is about to sleep: say so. Until `woke` it pings nobody."""
        self._asleep = True
        self._talk.raise_incarnation()
        self._talk.state("asleep", fanout=2 * FANOUT)
        return self._done()

    def stopping(self) -> list[Effect]:
        """This node is about to stop: say so, to as many as hear of a sleep. It hears and says nothing afterwards."""
        self._stopped = True
        self._talk.raise_incarnation()
        self._talk.state("stopped", fanout=2 * FANOUT)
        return self._done()

    def woke(self, slept: float, now: float) -> list[Effect]:
        """This machine has slept so many seconds (0: it did not after all)."""
        self._asleep = False
        self._watching.forgive(now)
        self._talk.raise_incarnation()
        self._talk.state("alive", max(0, int(slept)))
        self._sweep(now)
        return self._done()

    def spread(self, document: Document) -> list[Effect]:
        """A roster document that is new here: to some others at once, and to more with the next packets."""
        self._talk.spread(document)
        return self._done()

    def peer(self, name: str) -> PeerPresence:
        """What is known of a member; KeyError for any other."""
        return self._book.peers[name].shown()

    def is_alive(self, name: str) -> bool:
        """Whether a member is, as far as is known; KeyError for any other. Cheap, for each message asks."""
        return self._book.peers[name].state is PresenceState.ALIVE

    def peers(self) -> list[PeerPresence]:
        """All members but this node, by name."""
        return [peer.shown() for _, peer in sorted(self._book.peers.items())]

    def _beat(self, now: float) -> None:
        self._timers.at(now + self._period * (0.9 + 0.2 * self._dice()), self._beat)
        if self._asleep or self._stopped:
            return
        self._speech.nodes = self._book.nodes
        self._turn += 1
        if self._turn % GONE_EVERY == 0 and (name := self._book.gone.next()):
            self._watching.begin(self._book.peers[name], now, facts=True)
        ring = self._turn % 2 == 0
        candidates = self._book.ring.successors(SUCCESSORS) if ring else self._in_turn()
        for name in candidates:
            if self._book.peers[name].watch is None:
                self._watching.begin(self._book.peers[name], now, facts=not ring)
                return

    def _in_turn(self) -> Iterable[str]:
        for _ in range(min(SUCCESSORS, len(self._book.turns))):
            if name := self._book.turns.next():
                yield name

    def _is_worth_a_ping(self, peer: Peer, gossip: Gossip) -> bool:
        """Whether to ask at once a peer that names a boot which it has not proved; its turn comes anyway."""
        if peer.is_silent:
            return gossip.incarnation > peer.silent
        return peer.state is not PresenceState.ALIVE or peer.boot != ""

    def _lives(self, peer: Peer, gossip: Gossip, now: float) -> None:
        if peer.is_silent and gossip.incarnation <= peer.silent:
            return  # it was said before it fell asleep or stopped
        peer.incarnation = max(peer.incarnation, gossip.incarnation)
        if peer.was and peer.was[1] == gossip.incarnation:
            self._introductions.met(peer)
            self._book.confirm(peer, PINGS)
        self._alive(peer, PINGS, now)
        peer.heard_by = HEARD_BY.get(gossip.kind, HEARD)

    def _alive(self, peer: Peer, how: str, now: float) -> None:
        peer.heard_at, peer.heard_by = now, HEARD
        self._watching.close(peer)
        before = peer.state
        self._speech.queue.drop(peer.name)
        slept = before in (PresenceState.DEAD, PresenceState.ASLEEP) and peer.slept
        if self._book.move(peer, PresenceEvent.ANSWERED, f"slept {slept} s, {how}" if slept else how, now):
            self._introductions.met(peer)
            if before is PresenceState.DEAD and peer.apart and now - self._swept_at > SWEEP_EVERY:
                self._sweep(now)

    def _act(self, peer: Peer, gossip: Gossip, now: float) -> None:
        match gossip.kind:
            case "ping" if peer.is_answered(now):
                proof = self._favours.prove(gossip.about, gossip.re, now) if gossip.about else ""
                self._speech.ack(peer, gossip, now, proof)
                self._compare(peer, gossip.digest, now)
            case "ack":
                self._favours.done(peer, gossip, now)
            case "ask" if peer.is_answered(now):
                if count := self._favours.do(peer, gossip, now):
                    self._watching.pings.sent(count, self._book.peers[gossip.about], now)
            case "told":
                if subject := self._favours.told(gossip, now):
                    self._alive(subject, OTHERS, now)
                    subject.heard_by = "answer to others"

    def _compare(self, peer: Peer, digest: str, now: float) -> None:
        mine = self._speech.digest
        if not digest or not mine or digest == mine or peer.checking or now < peer.differs_after:
            return
        peer.checking = True

        def look(at: float) -> None:
            peer.checking = False
            if self._speech.digest == mine and self._book.peers.get(peer.name) is peer:
                peer.differs_after = at + DIFFERS_AGAIN * (0.5 + self._dice())
                self._out.append(Differs(peer.name))

        self._timers.at(now + DIFFERS_AFTER * (1 + self._dice()), look)

    def _suspect(self, peer: Peer, now: float) -> None:
        self._talk.suspect(peer, now)

    def _confirm(self, peer: Peer) -> None:
        self._talk.confirm(peer)

    def _look(self, peer: Peer, now: float, accuser: str, told: bool) -> None:
        self._watching.begin(peer, now, fast=True, accuser=accuser, told=told)

    def _sweep(self, now: float) -> None:
        """One came back, or this node did: look soon whether the others that were gone are back as well."""
        self._swept_at = now
        for peer in self._book.peers.values():
            if peer.state in (PresenceState.DEAD, PresenceState.ASLEEP):
                self._introductions.add(peer, now)

    def _done(self) -> list[Effect]:
        done, self._out[:] = list(self._out), []
        return done
