"""Pairwise keys: what two nodes share, derived from the X25519 keys in their cards (RFC 7748, RFC 5869).

A leaked machine cannot speak for another one, and a frame made for one node is worthless at any other. Direction and
purpose never share a key.
"""

import hashlib
import hmac
from dataclasses import dataclass

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
class Identity:
    """A node's private keys, 32 bytes each. Never logged: its repr shows the node alone."""

    node: str
    ed25519: bytes
    x25519: bytes

    def __repr__(self) -> str:
        return f"Identity({self.node!r})"

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
        try:
            return X25519PrivateKey.from_private_bytes(self.x25519).exchange(
                X25519PublicKey.from_public_bytes(other)
            )
        except ValueError:
            raise WeakKey("the other node's X25519 key is unusable") from None

    def pair(self, fleet: str, peer: str, peer_exchange_public: bytes) -> tuple[PairKeys, PairKeys]:
        """The keys for what goes to a peer and for what comes from it."""
        secret = self.shared_secret(peer_exchange_public)
        mine = self.exchange_public
        return (
            derive(secret, fleet, self.node, peer, mine, peer_exchange_public),
            derive(secret, fleet, peer, self.node, peer_exchange_public, mine),
        )


def signed_by(public: bytes, signature: bytes, data: bytes) -> bool:
    """Whether an Ed25519 signature over `data` is good."""
    from cryptography.exceptions import InvalidSignature

    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, data)
    except (InvalidSignature, ValueError):
        return False
    return True
