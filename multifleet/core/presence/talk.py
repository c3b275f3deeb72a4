"""Rumors and documents: what of them is believed, and how they are passed on, at once and with the next packets.

A suspicion is a hint: whoever hears it looks for himself, and passes it on only when a ping of his own was lost too,
unless the member from whom it comes has hardly ever been wrong. A statement is signed by the node that it is about. It
never raises the dead: it only makes this node ask, and an answer raises them.
"""

from collections.abc import Callable

from multifleet.core.limits import TokenBucket
from multifleet.core.presence.book import Book
from multifleet.core.presence.effects import Effect, Learned, Raised
from multifleet.core.presence.gossip import Document, Gossip, Rumor, Word
from multifleet.core.presence.peer import STOPPED, Peer
from multifleet.core.presence.speech import Speech
from multifleet.core.presence.statements import Sign, Verify, is_signed, sign_statement
from multifleet.core.presence.states import PresenceEvent, PresenceState

FANOUT = 5
"""How many others hear at once what is new here."""
ACCUSED_EVERY = 10.0
"""Seconds within which the death of one peer is verified once for a rumor, unless it refuted the one before."""

SILENCES = {
    "asleep": (PresenceEvent.SLEEPS, "said so itself"),
    "stopped": (PresenceEvent.STOPS, STOPPED),
}
"""What follows from a statement after which nothing will be heard of a peer."""
SLEPT_TOLD_WITHIN = 30.0
"""Seconds after a return in which it is still heard that the peer had slept, so that it was no flapping."""


class Talk:
    """What is said about nodes. `look` starts a verification of a peer, `end` ends it, for reasons that are rumors."""

    def __init__(
        self,
        book: Book,
        speech: Speech,
        sign: Sign,
        verify: Verify,
        fleet: str,
        look: Callable[[Peer, float, str, bool], None],
        end: Callable[[Peer], object],
        out: list[Effect],
    ) -> None:
        self._book = book
        self._speech = speech
        self._sign = sign
        self._verify = verify
        self._fleet = fleet
        self._look = look
        self._end = end
        self._out = out
        self._looks = TokenBucket(64, 2)
        self._checks = TokenBucket(256, 64)
        self._refutations = TokenBucket(3, 1 / 60)

    def hear(self, sender: Peer, gossip: Gossip, now: float) -> None:
        """Take what a member passes on, and pass on what of it is new."""
        new = [rumor for rumor in gossip.rumors if self._believe(sender, rumor, now)]
        for rumor in new:
            self._speech.queue.add(rumor)
        self._infect(new, [], (sender.name,))
        self._out += [Learned(sender.name, document) for document in gossip.documents]

    def spread(self, document: Document) -> None:
        """A roster document that is new here."""
        self._speech.queue.add(document)
        self._infect([], [document], ())

    def suspect(self, peer: Peer, now: float) -> None:
        """This node suspects a peer: unless a rumor says so already, begin one."""
        if peer.is_accused_anew(now, ACCUSED_EVERY):
            peer.accused(now)
            self.confirm(peer)

    def confirm(self, peer: Peer) -> None:
        """A suspicion of which this node has seen something itself."""
        rumor = Rumor(word="suspect", about=peer.name, incarnation=peer.incarnation)
        self._speech.queue.add(rumor)
        self._infect([rumor], [], (peer.name,))

    def state(self, word: Word, slept: int = 0, fanout: int = FANOUT) -> None:
        """This node's own statement, with its incarnation as it is."""
        rumor = sign_statement(self._sign, self._fleet, self._speech.me, word, self._speech.incarnation, slept)
        self._speech.queue.add(rumor)
        self._infect([rumor], [], (), fanout)

    def raise_incarnation(self, least: int = 0) -> None:
        """From now on this node is one that refutes what was said before."""
        self._speech.incarnation = max(self._speech.incarnation + 1, least)
        self._out.append(Raised(self._speech.incarnation))

    def _infect(
        self, rumors: list[Rumor], documents: list[Document], without: tuple[str, ...], fanout: int = FANOUT
    ) -> None:
        if rumors or documents:
            for name in self._book.turns.some(fanout, without):
                self._speech.news(name, rumors, documents)

    def _believe(self, sender: Peer, rumor: Rumor, now: float) -> bool:
        """Whether the rumor is new and to be passed on; what follows from it here has been done then."""
        if rumor.about == self._speech.me:
            self._about_me(rumor, now)
            return False
        peer = self._book.peers.get(rumor.about)
        if peer is None:
            return False
        if rumor.word == "suspect":
            return self._suspicion(sender, peer, rumor, now)
        if rumor.incarnation <= peer.stated or self._checks.take(now) > 0:
            return False
        if not is_signed(self._verify, self._fleet, rumor):
            return False
        return self._stated(peer, rumor, now)

    def _about_me(self, rumor: Rumor, now: float) -> None:
        if rumor.word == "suspect":
            if rumor.incarnation == self._speech.incarnation and self._refutations.take(now) == 0:
                self.raise_incarnation()
                self.state("alive")
        elif rumor.incarnation > self._speech.incarnation and self._checks.take(now) == 0:
            # An own statement that this node has forgotten: its store was lost, or restored from a copy.
            if is_signed(self._verify, self._fleet, rumor):
                self.raise_incarnation(rumor.incarnation + 1)
                self.state("alive")

    def _suspicion(self, sender: Peer, peer: Peer, rumor: Rumor, now: float) -> bool:
        if peer.state not in (PresenceState.ALIVE, PresenceState.SUSPECT) or rumor.incarnation < peer.incarnation:
            return False
        if not peer.is_accused_anew(now, ACCUSED_EVERY):
            return False
        if not sender.is_credible(now) and not peer.is_doubted_by_two(sender.name, now, ACCUSED_EVERY):
            return False
        if self._looks.take(now) > 0:
            return False
        peer.accused(now)
        trusted = sender.is_trusted
        self._look(peer, now, sender.name, trusted)
        return trusted

    def _stated(self, peer: Peer, rumor: Rumor, now: float) -> bool:
        before = peer.incarnation
        peer.stated = rumor.incarnation
        peer.incarnation = max(before, rumor.incarnation)
        if rumor.incarnation < before:
            return True
        if rumor.incarnation == before and rumor.word == "alive" and not rumor.slept:
            # It was said before whatever speaks against it: only a higher incarnation refutes (SWIM, section 4.2).
            return False
        self._speech.queue.drop(peer.name)
        if rumor.word in SILENCES:
            self._end(peer)
            peer.silent = rumor.incarnation
            self._book.move(peer, *SILENCES[rumor.word], now)
            return True
        if rumor.slept and not peer.slept and peer.flaps and now - peer.flapped_at < SLEPT_TOLD_WITHIN:
            peer.flaps -= 1
        peer.slept = rumor.slept
        if peer.state in (PresenceState.DEAD, PresenceState.ASLEEP):
            self._look(peer, now, "", True)
            return True
        # What refutes a suspicion that nobody here has heard of need not go farther.
        news = rumor.slept > 0 or peer.state is not PresenceState.ALIVE or now - peer.accused_at < ACCUSED_EVERY
        self._end(peer)
        self._book.move(peer, PresenceEvent.REFUTED, "said so itself", now)
        return news
