"""Pairwise keys: what two nodes share, derived from the X25519 keys in their cards (RFC 7748, RFC 5869).

A leaked machine cannot speak for another one, and a frame made for one node is worthless at any other. Direction and
purpose never share a key.
"""

import hashlib
import hmac
from collections.abc import Collection
from dataclasses import dataclass, replace

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey


class WeakKey(ValueError):
    """The other public key is one of the few that make every shared secret zero."""


@dataclass(frozen=True, slots=True)
class PairKeys:
    """The keys of one direction between two nodes."""

    mac: bytes
    """32 bytes: signs frames."""
    seal: bytes
    """32 bytes: makes the key that encrypts one frame."""
    receipt: bytes
    """32 bytes: signs the statements of the receipt log."""
    kid: str
    """16 hex digits: names these keys in a frame's header."""


def derive(
    secret: bytes, fleet: str, sender: str, recipient: str, sender_public: bytes, recipient_public: bytes
) -> PairKeys:
    """The keys for frames from `sender` to `recipient`; `secret` is their X25519 shared secret."""
    prk = hmac.digest(hashlib.sha256(b"mf1" + fleet.encode()).digest(), secret, "sha256")

    def key(purpose: str) -> bytes:
        info = f"mf1 {purpose} {sender} {recipient} ".encode() + sender_public + recipient_public
        return hmac.digest(prk, info + b"\x01", "sha256")

    return PairKeys(key("mac"), key("seal"), key("rcpt"), key("kid")[:8].hex())


@dataclass(frozen=True, slots=True)
class OwnKey:
    """One X25519 key of this node. Never logged: its repr shows the public half alone."""

    private: bytes
    made: float = 0.0
    """Replay-clock seconds; 0 where nobody noted it."""
    retire_after: float = 0.0
    """When it is to be destroyed; 0 for the key in use."""

    def __repr__(self) -> str:
        return f"OwnKey({self.public.hex()[:16]})"

    @property
    def public(self) -> bytes:
        """The half that stands in a card."""
        return X25519PrivateKey.from_private_bytes(self.private).public_key().public_bytes_raw()


@dataclass(frozen=True, slots=True)
class Identity:
    """A node's private keys, 32 bytes each. Never logged: its repr shows the node alone."""

    node: str
    ed25519: bytes
    x25519: bytes
    made: float = 0.0
    """When the X25519 key was made, replay-clock seconds; 0 where nobody noted it."""
    older: tuple[OwnKey, ...] = ()
    """X25519 keys that went before and may still be in use, newest first."""

    def __repr__(self) -> str:
        return f"Identity({self.node!r})"

    @property
    def exchange_keys(self) -> tuple[OwnKey, ...]:
        """Every X25519 key that opens frames, the one of the card first."""
        return (OwnKey(self.x25519, self.made), *self.older)

    def rotated(self, new: bytes, now: float, retire_after: float) -> "Identity":
        """The same node with a new X25519 key in front; the one it had is to be destroyed at `retire_after`."""
        return replace(
            self, x25519=new, made=now, older=(OwnKey(self.x25519, self.made, retire_after), *self.older)
        )

    def retired(self, now: float, needed: Collection[bytes] = ()) -> "Identity":
        """The same node without those older keys whose time is over and whose public half is not `needed`."""
        left = (key for key in self.older if key.retire_after > now or (needed and key.public in needed))
        return replace(self, older=tuple(left))

    def own_key(self, purpose: str) -> bytes:
        """A key that only this node has (32 bytes), from its identity: no rotation changes it."""
        prk = hmac.digest(hashlib.sha256(b"mf1 own").digest(), self.ed25519, "sha256")
        return hmac.digest(prk, f"mf1 own {purpose} {self.node}".encode() + b"\x01", "sha256")

    @property
    def public(self) -> bytes:
        """The Ed25519 public key: what other nodes pin."""
        return Ed25519PrivateKey.from_private_bytes(self.ed25519).public_key().public_bytes_raw()

    @property
    def exchange_public(self) -> bytes:
        """The X25519 public key that stands in the card."""
        return X25519PrivateKey.from_private_bytes(self.x25519).public_key().public_bytes_raw()

    def sign(self, data: bytes) -> bytes:
        """An Ed25519 signature (64 bytes) by this node."""
        return Ed25519PrivateKey.from_private_bytes(self.ed25519).sign(data)

    def shared_secret(self, other: bytes) -> bytes:
        """X25519 with another node's public key; WeakKey where the result would be zero."""
        return shared_secret(self.x25519, other)

    def pair(self, fleet: str, peer: str, peer_exchange_public: bytes) -> tuple[PairKeys, PairKeys]:
        """The keys for what goes to a peer and for what comes from it, by this node's newest key."""
        return self.pair_of(OwnKey(self.x25519), fleet, peer, peer_exchange_public)

    def pair_of(self, own: OwnKey, fleet: str, peer: str, theirs: bytes) -> tuple[PairKeys, PairKeys]:
        """The same by one of this node's keys."""
        secret, mine = shared_secret(own.private, theirs), own.public
        return (
            derive(secret, fleet, self.node, peer, mine, theirs),
            derive(secret, fleet, peer, self.node, theirs, mine),
        )


def shared_secret(private: bytes, other: bytes) -> bytes:
    """X25519 of a private key and another node's public one; WeakKey where the result would be zero."""
    try:
        return X25519PrivateKey.from_private_bytes(private).exchange(X25519PublicKey.from_public_bytes(other))
    except ValueError:
        raise WeakKey("the other node's X25519 key is unusable") from None


def signed_by(public: bytes, signature: bytes, data: bytes) -> bool:
    """Whether an Ed25519 signature over `data` is good."""
    from cryptography.exceptions import InvalidSignature

    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, data)
    except (InvalidSignature, ValueError):
        return False
    return True
