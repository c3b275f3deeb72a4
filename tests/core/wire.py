"""Two nodes with fixed keys, and packets and frames between them, for the tests of the wire."""

import hashlib

from multifleet.core import frame
from multifleet.core.keys import Identity, PairKeys
from multifleet.core.packets import Message

FLEET = "f" * 32
NOW = 1_700_000_000


def identity(node: str) -> Identity:
    """Keys that are the same in each run."""
    ed25519, x25519 = (hashlib.sha256(f"{node} {key}".encode()).digest() for key in ("ed25519", "x25519"))
    return Identity(node, ed25519, x25519)


def pair(sender: Identity, recipient: Identity, fleet: str = FLEET) -> PairKeys:
    """The keys under which `sender` writes to `recipient`."""
    return sender.pair(fleet, recipient.node, recipient.exchange_public)[0]


MAC1, MAC2, MAC3 = identity("mac1"), identity("mac2"), identity("mac3")
KEYS = pair(MAC1, MAC2)
NONCE = bytes(range(16))


def sealed(packet: bytes = b"{}", *, sent: int = NOW, nonce: bytes = NONCE) -> bytes:
    """A good frame from mac1 to mac2."""
    return frame.seal(KEYS, "mac1", "mac2", sent, nonce, packet)


def keys_of(sender: str, kid: str) -> PairKeys | None:
    """What mac2 knows: mac1, and nobody else."""
    return KEYS if (sender, kid) == ("mac1", KEYS.kid) else None


def message(**fields: object) -> Message:
    """A message from mac1 to mac2."""
    made: dict[str, object] = {
        "id": "00000000-0000-7000-8000-000000000001",
        "type": "context",
        "from_": "mac1",
        "to": "mac2/api",
        "body": "hello",
        "created": NOW,
        "expires": NOW + 3_600,
        "n": 1,
        "urgency": "next-turn",
        "authority": "agent",
    }
    return Message(**{**made, **fields})  # type: ignore[arg-type]
