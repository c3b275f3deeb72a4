"""What must be remembered of keys beside the keys themselves: in memory here, in the store where a node runs.

For each peer: which of this node's keys it holds, which keys it had before, and the keys under which it has stated
something. These last outlive the X25519 keys that they were derived from, so that `trace --verify` still proves what
was stated before.
"""

from multifleet.core.keys import PairKeys


class KeyNotes:
    """Of all peers."""

    def __init__(self) -> None:
        self._kept: dict[str, dict[str, bytes]] = {}
        self._older: dict[str, tuple[bytes, ...]] = {}
        self._shown: dict[str, bytes] = {}

    def kept(self, peer: str) -> list[bytes]:
        """Receipt keys of a peer, newest first."""
        return list(reversed(self._kept.get(peer, {}).values()))

    def older(self, peer: str) -> tuple[bytes, ...]:
        """X25519 keys that a peer had before and may still be using, newest first."""
        return self._older.get(peer, ())

    def shown(self, peer: str) -> bytes | None:
        """The newest of this node's X25519 keys that a peer has used."""
        return self._shown.get(peer)

    def keep(self, peer: str, keys: PairKeys) -> bool:
        """Remember under which key a peer states; whether that is new."""
        known = self._kept.setdefault(peer, {})
        if keys.kid in known:
            return False
        known[keys.kid] = keys.receipt
        return True

    def replaced(self, peer: str, public: bytes) -> None:
        """A peer has a newer key than this one."""
        self._older[peer] = (public, *(key for key in self.older(peer) if key != public))

    def showed(self, peer: str, public: bytes) -> None:
        """A peer has used this key of ours."""
        self._shown[peer] = public

    def removed(self, peer: str) -> None:
        """A peer is no member any more: what it stated stays provable, and nothing else is left."""
        self._older.pop(peer, None)
        self._shown.pop(peer, None)
