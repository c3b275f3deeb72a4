"""What must be remembered of keys beside the keys themselves: in memory, or in the store where a node runs.

For each peer: which of this node's keys it holds, which keys it had before, and the keys under which it has stated
something. These last outlive the X25519 keys that they were derived from, so that `trace --verify` still proves what
was stated before; in the store they are encrypted under the node's identity, so that who changes the store cannot
put in a key of his own.
"""

from collections.abc import Callable

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from multifleet.core.key_ring import MOST_THEIRS
from multifleet.core.keys import Identity, PairKeys
from multifleet.core.mac import digest
from multifleet.store.keys import MOST_KEPT
from multifleet.store.store import Store

_ZERO_NONCE = bytes(12)


class KeyNotes:
    """Of all peers."""

    def __init__(self) -> None:
        self._kept: dict[str, dict[str, bytes]] = {}
        self._older: dict[str, tuple[bytes, ...]] = {}
        self._shown: dict[str, tuple[bytes, float]] = {}

    def kept(self, peer: str) -> list[bytes]:
        """Receipt keys of a peer, newest first."""
        return list(reversed(self._kept.get(peer, {}).values()))

    def older(self, peer: str) -> tuple[bytes, ...]:
        """X25519 keys that a peer had before and may still be using, newest first."""
        return self._older.get(peer, ())

    def shown(self, peer: str) -> bytes | None:
        """The newest of this node's X25519 keys that a peer has used."""
        found = self._shown.get(peer)
        return found[0] if found else None

    def shown_at(self, peer: str) -> float | None:
        """Since when it is known to hold that key."""
        found = self._shown.get(peer)
        return found[1] if found else None

    def keep(self, peer: str, keys: PairKeys) -> None:
        """Remember under which key a peer states."""
        known = self._kept.setdefault(peer, {})
        if keys.kid not in known:
            known[keys.kid] = keys.receipt
            if len(known) > MOST_KEPT:
                del known[next(iter(known))]
            self._keep(peer, keys)

    def replaced(self, peer: str, public: bytes) -> None:
        """A peer has a newer key than this one; the store learns it from the new card."""
        self._older[peer] = (public, *(key for key in self.older(peer) if key != public))[:MOST_THEIRS]

    def showed(self, peer: str, public: bytes) -> None:
        """A peer has used this key of ours."""
        now = self._now()
        self._shown[peer] = (public, now)
        self._show(peer, public, now)

    def removed(self, peer: str) -> None:
        """A peer is no member any more: what it stated stays provable, and nothing else is left."""
        self._older.pop(peer, None)
        self._shown.pop(peer, None)
        self._forget(peer)

    def _now(self) -> float:
        return 0.0

    def _keep(self, peer: str, keys: PairKeys) -> None:
        """Into the store, if there is one; so the next two."""

    def _show(self, peer: str, public: bytes, at: float) -> None: ...

    def _forget(self, peer: str) -> None: ...


class StoredKeyNotes(KeyNotes):
    """The same, kept in the store; `load` before the first member is admitted."""

    def __init__(self, identity: Identity, store: Store, now: Callable[[], float]) -> None:
        super().__init__()
        self._key = identity.own_key("kept")
        self._store = store
        self._clock = now

    async def load(self) -> None:
        """What an earlier run left."""
        found = await self._store.keys.all()
        for peer, kid, sealed in found.receipts:
            try:
                self._kept.setdefault(peer, {})[kid] = self._cipher(peer, kid).decrypt(_ZERO_NONCE, sealed, None)
            except InvalidTag:
                continue  # not by this node: what it would prove is not proved
        self._shown = {peer: (public, at) for peer, public, at in found.shown}
        for peer, public, _ in found.older:
            self._older[peer] = (*self.older(peer), public)

    async def forget_older(self, now: float, keep_from: float) -> None:
        """Forget keys that peers replaced before `keep_from`."""
        for peer, public in await self._store.keys.date(now, keep_from):
            self._older[peer] = tuple(key for key in self.older(peer) if key != public)

    def _now(self) -> float:
        return self._clock()

    def _keep(self, peer: str, keys: PairKeys) -> None:
        sealed = self._cipher(peer, keys.kid).encrypt(_ZERO_NONCE, keys.receipt, None)
        self._store.keys.keep_later(peer, keys.kid, sealed)

    def _show(self, peer: str, public: bytes, at: float) -> None:
        self._store.keys.show_later(peer, public, at)

    def _forget(self, peer: str) -> None:
        self._store.keys.forget_later(peer)

    def _cipher(self, peer: str, kid: str) -> ChaCha20Poly1305:
        # Each (peer, kid) has one key, and so its own cipher key encrypts one value.
        return ChaCha20Poly1305(digest(self._key, f"{peer} {kid}".encode()))
