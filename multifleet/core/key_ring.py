"""Every key that may be in use between this node and one peer, while either of them renews its X25519 key.

A new key is installed (frames under it are opened), then used, then the old one is removed; a ring knows how far that
is. The peer's newest key is used at once, for the peer installed it before it told anybody. Of this node's keys that
one is used which the peer is known to hold: its frames say which. So neither side ever sends what the other cannot
open, in whatever order cards arrive. Only `find` looks at a key id that is not yet proved; it changes nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from multifleet.core.keys import OwnKey, PairKeys, derive, shared_secret

MOST_THEIRS = 16
"""Keys that a peer had before under which its frames are still opened: it decides how often it renews one."""


@dataclass(frozen=True, slots=True)
class Between:
    """A node, a peer and the fleet they are in."""

    fleet: str
    node: str
    peer: str


@dataclass(frozen=True, slots=True)
class Pair:
    """The keys of one combination, both ways."""

    own: bytes
    """Public halves."""
    theirs: bytes
    outgoing: PairKeys
    incoming: PairKeys


@dataclass(frozen=True, slots=True)
class Own:
    """One of this node's keys with its public half beside it."""

    key: OwnKey
    public: bytes


def own_keys(keys: Sequence[OwnKey]) -> tuple[Own, ...]:
    """A node's keys, once for all its rings."""
    return tuple(Own(key, key.public) for key in keys)


class KeyRing:
    """Between this node and one peer. `own` has this node's keys, the newest first."""

    def __init__(
        self,
        between: Between,
        own: Sequence[Own],
        theirs: bytes,
        *,
        older: Sequence[bytes] = (),
        shown: bytes | None = None,
        met: float = 0.0,
    ) -> None:
        """`older`: keys that the peer had before. `shown`: the newest of ours that it has used. `met`: when it was
        let in, which says which of ours it was given."""
        self._between = between
        self._own = tuple(own)
        self._older = tuple(key for key in older if key != theirs)[:MOST_THEIRS]
        self._met = met
        self._pairs: dict[tuple[bytes, bytes], Pair] = {}
        self._by_kid: dict[str, Pair] = {}
        self._complete = False
        self.theirs = theirs
        """The peer's newest key."""
        self.shown = shown
        """The newest of this node's keys that the peer has used; None while it has not spoken."""
        self._choose()

    @property
    def in_use(self) -> bytes:
        """The public half of this node's key under which it sends to this peer."""
        return self._in_use

    @property
    def older(self) -> tuple[bytes, ...]:
        """Keys that the peer had before and under which its frames are still opened."""
        return self._older

    def find(self, kid: str) -> PairKeys | None:
        """The keys of frames from the peer with this key id."""
        found = self._by_kid.get(kid)
        if found is None and not self._complete:
            self._derive_all()
            found = self._by_kid.get(kid)
        return found.incoming if found else None

    def reply(self, kid: str) -> PairKeys:
        """What answers a frame that came under this key id: its sender can open that, whatever cards it has."""
        pair = self._by_kid.get(kid)
        return pair.outgoing if pair else self.outgoing

    def receipt_keys(self) -> list[bytes]:
        """Those under which the peer may have stated something, likeliest first."""
        if not self._complete:
            self._derive_all()
        return [pair.incoming.receipt for pair in self._by_kid.values()]

    def proved(self, kid: str) -> bool:
        """A frame of the peer under this key id was authentic; whether that was news about which key it holds."""
        pair = self._by_kid.get(kid)
        if pair is None or pair.own == self.shown:
            return False
        if self.shown is not None and self._age(pair.own) > self._age(self.shown):
            return False  # it was on its way, or at rest, when a newer one came
        self.shown = pair.own
        self._choose()
        return True

    def install(self, own: Sequence[Own]) -> None:
        """This node has these keys now."""
        self._own = tuple(own)
        if self.shown is not None and all(one.public != self.shown for one in self._own):
            self.shown = None
        self._forget()

    def renew(self, theirs: bytes) -> None:
        """The peer's newer card has this key; WeakKey where it is unusable."""
        if theirs == self.theirs:
            return
        self._pair(self._own[0], theirs)  # a weak key is refused before anything is changed
        self._older = (self.theirs, *(key for key in self._older if key != theirs))[:MOST_THEIRS]
        self.theirs = theirs
        self._forget()

    def accept(self, older: Sequence[bytes]) -> None:
        """These, and no others, are the keys that the peer had before and may still be using."""
        self._older = tuple(key for key in older if key != self.theirs)
        self._forget()

    def _forget(self) -> None:
        """Drop what is of a key that is gone; what is still of use is not derived anew."""
        ours, theirs = {one.public for one in self._own}, {self.theirs, *self._older}
        self._pairs = {key: pair for key, pair in self._pairs.items() if key[0] in ours and key[1] in theirs}
        self._by_kid = {pair.incoming.kid: pair for pair in self._pairs.values()}
        self._complete = False
        self._choose()

    def _choose(self) -> None:
        one = next((one for one in self._own if one.public == self.shown), None) or self._given()
        pair = self._pair(one, self.theirs)
        self._in_use = one.public
        self.outgoing = pair.outgoing
        """The keys to send under."""
        self.incoming = self._pair(self._own[0], self.theirs).incoming
        """The keys under which the peer sends once it has this node's newest card."""

    def _given(self) -> Own:
        """The key that this node's card had when the peer was let in, or the oldest that is left."""
        return next((one for one in self._own if one.key.made <= self._met), self._own[-1])

    def _age(self, public: bytes) -> int:
        """The place among this node's keys: 0 for the newest."""
        return next((place for place, one in enumerate(self._own) if one.public == public), len(self._own))

    def _derive_all(self) -> None:
        for one in self._own:
            for theirs in (self.theirs, *self._older):
                self._pair(one, theirs)
        self._complete = True

    def _pair(self, one: Own, theirs: bytes) -> Pair:
        known = self._pairs.get((one.public, theirs))
        if known is not None:
            return known
        fleet, me, peer = self._between.fleet, self._between.node, self._between.peer
        secret = shared_secret(one.key.private, theirs)
        pair = Pair(
            one.public,
            theirs,
            derive(secret, fleet, me, peer, one.public, theirs),
            derive(secret, fleet, peer, me, theirs, one.public),
        )
        self._pairs[one.public, theirs] = pair
        self._by_kid[pair.incoming.kid] = pair
        return pair
