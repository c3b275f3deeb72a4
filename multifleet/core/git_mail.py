"""Letters in a git repository: how their refs are named and how frames are wrapped, so that the host learns nothing.

    ref    = refs/fleet/<fleet>/<mailbox>/<letter>
    K      = SHA-256("mf1 git" || fleet id)
    fleet  = hex(HMAC-SHA256(K, "fleet")[:8])      mailbox = hex(HMAC-SHA256(K, "to " <node>)[:16])
    letter = hex(16 random bytes)
    blob   = ChaCha20-Poly1305(key HMAC-SHA256(K, "letter " <letter>), zero nonce, associated data ref, frame)

The fleet id is random and known to members alone, and so are the names behind the mailboxes. Nobody's name is in a
letter's ref but, hashed, the recipient's; the frame's own first line, which has both names, is inside the blob. What
protects the text is the frame; this wrapping hides who writes to whom, from everybody outside the fleet.
"""

import hashlib
import hmac
import re
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from multifleet.core.frame import FRAME_LIMIT

NAMESPACE = "refs/fleet"
LETTER_BYTES = 16
BLOB_LIMIT = FRAME_LIMIT + 16
"""Bytes of one letter."""

_LETTER = re.compile(rf"{NAMESPACE}/[0-9a-f]{{16}}/[0-9a-f]{{32}}/[0-9a-f]{{32}}")
_ZERO_NONCE = bytes(12)


@dataclass(frozen=True, slots=True)
class GitMail:
    """The names and wrappings of one fleet."""

    fleet: str
    _key: bytes = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_key", hashlib.sha256(b"mf1 git" + self.fleet.encode()).digest())

    @property
    def folder(self) -> str:
        """Where all refs of this fleet are."""
        return f"{NAMESPACE}/{self._mac('fleet')[:8].hex()}"

    def mailbox(self, node: str) -> str:
        """Where the letters to a node are."""
        return f"{self.folder}/{self._mac(f'to {node}')[:16].hex()}"

    def letter(self, node: str, random: bytes) -> str:
        """The ref of a new letter to a node; `random` is 16 fresh bytes."""
        return f"{self.mailbox(node)}/{random.hex()}"

    def wrap(self, ref: str, frame: bytes) -> bytes:
        """What is stored under a letter's ref."""
        return self._cipher(ref).encrypt(_ZERO_NONCE, frame, ref.encode())

    def unwrap(self, ref: str, blob: bytes) -> bytes | None:
        """The frame that was wrapped for this ref; None where it is something else."""
        if len(blob) > BLOB_LIMIT:
            return None
        try:
            return self._cipher(ref).decrypt(_ZERO_NONCE, blob, ref.encode())
        except InvalidTag:
            return None

    def _cipher(self, ref: str) -> ChaCha20Poly1305:
        return ChaCha20Poly1305(self._mac(f"letter {ref.rpartition('/')[2]}"))

    def _mac(self, text: str) -> bytes:
        return hmac.digest(self._key, text.encode(), "sha256")


def is_letter(ref: str) -> bool:
    """Whether a ref has the shape of a letter's."""
    return _LETTER.fullmatch(ref) is not None
