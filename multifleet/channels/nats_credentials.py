"""A .creds file of NATS: a token, and the seed of an Ed25519 key that signs the server's nonce."""

import re
from base64 import b32decode, b64encode
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

_PART = re.compile(r"-----BEGIN ([A-Z ]+)-----\s+([A-Za-z0-9._=-]+)\s+-{3,}END \1-{3,}")
_SIZE_LIMIT = 64 * 1024


@dataclass(frozen=True, slots=True)
class Credentials:
    """What is in one."""

    token: Callable[[], bytes]
    sign: Callable[[str], bytes]

    @classmethod
    def read(cls, path: Path) -> "Credentials":
        """From a file; ValueError or OSError where it is none."""
        with path.open() as file:
            parts = dict(_PART.findall(file.read(_SIZE_LIMIT)))
        token, seed = parts.get("NATS USER JWT", ""), parts.get("USER NKEY SEED", "")
        if not token or not seed:
            raise ValueError("natsCredentials is not a .creds file of NATS")
        key = Ed25519PrivateKey.from_private_bytes(seed_bytes(seed))
        return cls(lambda: token.encode(), lambda nonce: b64encode(key.sign(nonce.encode())))


def seed_bytes(seed: str) -> bytes:
    """The 32 bytes of an nkey's seed: two of prefix before, two of checksum behind. ValueError where it is none."""
    try:
        raw = b32decode(seed + "=" * (-len(seed) % 8))
    except ValueError:
        raw = b""
    if len(raw) != 36 or raw[0] & 0xF8 != 18 << 3 or _checksum(raw[:-2]) != int.from_bytes(raw[-2:], "little"):
        raise ValueError("the seed in natsCredentials is damaged")
    return raw[2:-2]


def _checksum(data: bytes) -> int:
    """CRC-16/XMODEM."""
    found = 0
    for byte in data:
        found ^= byte << 8
        for _ in range(8):
            found = (found << 1 ^ 0x1021 if found & 0x8000 else found << 1) & 0xFFFF
    return found
