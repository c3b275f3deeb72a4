"""The frame: the one thing that travels between nodes, whatever carries it.

    H     = mf1 <from> <to> <kid> <sent> <nonce>
    C     = ChaCha20-Poly1305(key HMAC(K(seal), nonce), zero nonce, associated data H, packet)      RFC 8439
    frame = H <mac> LF C            mac = hex(HMAC-SHA256(K(mac), H LF C))                           RFC 2104

A frame is verified before anything in it is parsed, over its bytes and in constant time. Who opens one learns which
check refused it; the table REFUSALS says what the sender is told.
"""

import hmac
import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from multifleet.core.ids import NODE_PATTERN
from multifleet.core.keys import PairKeys
from multifleet.core.mac import digest

FRAME_LIMIT = 1 << 20
"""Bytes of a whole frame."""
WINDOW = 300
"""Seconds that `sent` may differ from the recipient's replay clock, either way. Never widened."""

_HEADER_LIMIT = 320
_HEADER = re.compile(
    (
        rf"(mf1 ({NODE_PATTERN}) ({NODE_PATTERN}) ([0-9a-f]{{16}}) ([0-9]{{1,12}}) ([0-9a-f]{{32}}))"
        r" ([0-9a-f]{64})"
    ).encode()
)
_ZERO_NONCE = bytes(12)
_NO_KEYS = PairKeys(bytes(32), bytes(32), bytes(32), "0" * 16)


class Refusal(StrEnum):
    """Why a frame is refused, in the order in which it is checked."""

    TOO_LARGE = "too_large"
    MALFORMED = "malformed"
    UNKNOWN_SENDER = "unknown_sender"
    BAD_MAC = "bad_mac"
    WRONG_RECIPIENT = "wrong_recipient"
    OUTSIDE_WINDOW = "outside_window"
    NOT_SEALED = "not_sealed"
    NOT_STRICT = "not_strict"
    BAD_SCHEMA = "bad_schema"
    REPLAY = "replay"
    STORE_UNAVAILABLE = "store_unavailable"


@dataclass(frozen=True, slots=True)
class RefusalFacts:
    """What follows from a refusal: the HTTP status, whether the answer is signed, and when it happens."""

    status: int
    signed: bool
    when: str


REFUSALS: dict[Refusal, RefusalFacts] = {
    Refusal.TOO_LARGE: RefusalFacts(413, False, "the body is over 1 MiB; little of it is read"),
    Refusal.MALFORMED: RefusalFacts(
        401, False, "the first line is not a header and a MAC of the right shape"
    ),
    Refusal.UNKNOWN_SENDER: RefusalFacts(
        401, False, "no member has this id, or the key id is of no key of its"
    ),
    Refusal.BAD_MAC: RefusalFacts(401, False, "the MAC does not fit the bytes"),
    Refusal.WRONG_RECIPIENT: RefusalFacts(401, False, "the frame is for another node"),
    Refusal.OUTSIDE_WINDOW: RefusalFacts(
        401, True, "`sent` is over 300 s off, or from before this store was made; the answer has the time"
    ),
    Refusal.NOT_SEALED: RefusalFacts(400, True, "the MAC is good and the packet does not decrypt"),
    Refusal.NOT_STRICT: RefusalFacts(400, True, "the packet is not strict JSON"),
    Refusal.BAD_SCHEMA: RefusalFacts(400, True, "the packet is not of a known form"),
    Refusal.REPLAY: RefusalFacts(
        409, True, "the nonce was used before; the answer has the messages' true states"
    ),
    Refusal.STORE_UNAVAILABLE: RefusalFacts(
        507, True, "nothing can be written here now; back-pressure, no failure"
    ),
}

STRANGER = b"not for you to know\n"
"""What everybody is told whose frame is not known to come from a member."""


@dataclass(frozen=True, slots=True)
class Header:
    """The readable part of a frame."""

    sender: str
    recipient: str
    kid: str
    sent: int
    """Seconds, in the recipient's replay clock as the sender knows it."""
    nonce: str
    text: bytes
    mac: bytes


@dataclass(frozen=True, slots=True)
class Opened:
    """A frame that a member made for this node just now."""

    header: Header
    packet: bytes


class FrameRefused(Exception):
    """A frame that is not taken. `header` and `keys` are there once the sender is proved."""

    def __init__(self, refusal: Refusal, header: Header | None = None, keys: PairKeys | None = None) -> None:
        super().__init__(refusal.value)
        self.refusal = refusal
        self.header = header
        self.keys = keys


def seal(keys: PairKeys, sender: str, recipient: str, sent: int, nonce: bytes, packet: bytes) -> bytes:
    """Make a frame; `nonce` is 16 fresh random bytes."""
    text = f"mf1 {sender} {recipient} {keys.kid} {sent} {nonce.hex()}".encode()
    sealed = _cipher(keys, nonce).encrypt(_ZERO_NONCE, packet, text)
    mac = digest(keys.mac, text, b"\n", sealed).hex().encode()
    return b"%b %b\n%b" % (text, mac, sealed)


def read_header(frame: bytes) -> Header:
    """The header of a frame, checked for its shape only; FrameRefused where it has none."""
    end = frame.find(b"\n", 0, _HEADER_LIMIT)
    match = _HEADER.fullmatch(frame, 0, end) if end > 0 else None
    if not match:
        raise FrameRefused(Refusal.MALFORMED)
    text, sender, recipient, kid, sent, nonce, mac = match.groups()
    return Header(sender.decode(), recipient.decode(), kid.decode(), int(sent), nonce.decode(), text, mac)


def open_frame(
    frame: bytes,
    me: str,
    keys_of: Callable[[str, str], PairKeys | None],
    now: float | None,
    not_before: float = 0.0,
) -> Opened:
    """Check a frame in the order of Refusal and decrypt it.

    `keys_of(sender, kid)` has the keys from a member to this node; `now` is the replay clock in seconds (None: the
    frame was at rest, or is an answer known by its `re`: no window); nothing sent before `not_before` is taken.
    """
    if len(frame) > FRAME_LIMIT:
        raise FrameRefused(Refusal.TOO_LARGE)
    header = read_header(frame)
    keys = keys_of(header.sender, header.kid)
    sealed = frame[len(header.text) + 66 :]
    expected = digest((keys or _NO_KEYS).mac, header.text, b"\n", sealed).hex().encode()
    good = hmac.compare_digest(expected, header.mac)
    if keys is None:
        raise FrameRefused(Refusal.UNKNOWN_SENDER)
    if not good:
        raise FrameRefused(Refusal.BAD_MAC)
    if header.recipient != me:
        raise FrameRefused(Refusal.WRONG_RECIPIENT)
    if (now is not None and abs(header.sent - now) > WINDOW) or header.sent < int(not_before):
        raise FrameRefused(Refusal.OUTSIDE_WINDOW, header, keys)
    try:
        packet = _cipher(keys, bytes.fromhex(header.nonce)).decrypt(_ZERO_NONCE, sealed, header.text)
    except InvalidTag:
        raise FrameRefused(Refusal.NOT_SEALED, header, keys) from None
    return Opened(header, packet)


def _cipher(keys: PairKeys, nonce: bytes) -> ChaCha20Poly1305:
    return ChaCha20Poly1305(digest(keys.seal, nonce))
