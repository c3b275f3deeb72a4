"""The members as this node knows them: one record each, and who has a turn. Every change of state is made here."""

from collections.abc import Iterable

from multifleet.core.presence.effects import Changed, Confirmed, Effect
from multifleet.core.presence.peer import NEVER_HEARD, Peer
from multifleet.core.presence.ring import Dice, Ring, Shuffled
from multifleet.core.presence.states import PINGED, TRANSITIONS, PresenceEvent, PresenceState

FLAP_HOUR = 3_600.0


class Book:
    """Records by name. `out` takes the effects."""

    def __init__(self, me: str, dice: Dice, out: list[Effect]) -> None:
        self.peers: dict[str, Peer] = {}
        self.ring = Ring(me)
        self.turns = Shuffled(dice)
        """Those that have a turn in every round."""
        self.gone = Shuffled(dice)
        """The dead and the sleepers, who are tried now and then."""
        self._out = out

    @property
    def nodes(self) -> int:
        """How many are thought to be there, this node among them."""
        return len(self.turns) + 1

    def admit(self, names: Iterable[str], now: float) -> list[Peer]:
        """Make records for names that have none."""
        new = []
        for name in names:
            peer = self.peers[name] = Peer(name, now)
            self.ring.add(name)
            self.turns.add(name)
            new.append(peer)
        return new

    def remove(self, name: str) -> None:
        """Forget a member."""
        peer = self.peers.pop(name)
        self._place(peer, False)
        if name in self.gone:
            self.gone.remove(name)
        if peer.watch:
            peer.watch.open = False
        self._out.append(Changed(name, peer.state, PresenceState.LEFT, PresenceEvent.REMOVED.value))

    def move(self, peer: Peer, event: PresenceEvent, how: str, now: float) -> bool:
        """Let something happen to a peer; False where its state stays the same."""
        before = peer.state
        after = TRANSITIONS[before][event]
        if after is before:
            return False
        # Who joined and started its daemon later was never together with this node, and so never apart from it.
        was_known = peer.how != NEVER_HEARD and not peer.has_stopped
        if before is PresenceState.DEAD and after is PresenceState.ALIVE and was_known:
            peer.apart = (peer.since, now)
            if not peer.slept:
                # It may be told later that it had slept; see Talk.
                peer.flaps = 1 + (peer.flaps if now - peer.flapped_at < FLAP_HOUR else 0)
                peer.flapped_at = now
        if after is PresenceState.DEAD:
            peer.slept = 0
        peer.since, peer.was = now, None
        self.put(peer, after, how)
        self._out.append(Changed(peer.name, before, after, how))
        return True

    def confirm(self, peer: Peer, how: str) -> None:
        """What was restored of a peer is true: it is alive, in the very run in which it was."""
        if peer.was is not None:
            peer.since, peer.was = peer.was[0], None
            self.put(peer, PresenceState.ALIVE, how)
            self._out.append(Confirmed(peer.name))

    def put(self, peer: Peer, state: PresenceState, how: str) -> None:
        """Set a state without an event: what the store remembers."""
        peer.state, peer.how = state, how
        pinged = state in PINGED
        self._place(peer, pinged)
        if pinged and peer.name in self.gone:
            self.gone.remove(peer.name)
        elif not pinged and peer.name not in self.gone:
            self.gone.add(peer.name)

    def _place(self, peer: Peer, pinged: bool) -> None:
        if pinged and peer.name not in self.turns:
            self.ring.add(peer.name)
            self.turns.add(peer.name)
        elif not pinged and peer.name in self.turns:
            self.ring.remove(peer.name)
            self.turns.remove(peer.name)
