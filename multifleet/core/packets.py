"""What frames carry: requests with packets, answers, heartbeats. Every field's shape is checked before it is used.

Wire form is JSON. Readers are strict; a packet that is written exactly as this program writes it is recognized by
writing it again (fast), any other goes through `strict.parse` first.
"""

from typing import Annotated, Any, Literal, TypeVar

import msgspec

from multifleet.core.ids import ADDRESS_PATTERN, ID_PATTERN
from multifleet.core.strict import parse

BODY_LIMIT = 256 * 1024
"""Bytes of UTF-8 in one message's body."""
BATCH_LIMIT = 64
"""Packets in one request."""
BATCH_BYTES = 640 * 1024
"""Bytes of packets in one request, so that the frame stays below its limit."""
LOG_LIMIT = 256
"""Statements of a receipt log in one frame."""
EXPIRES_LIMIT = 30 * 86_400
"""Seconds that a message may wait at the most."""
DETAIL_LIMIT = 4_000
"""Characters of a statement's detail."""

Id = Annotated[str, msgspec.Meta(pattern=f"^{ID_PATTERN}\\Z")]
AddressText = Annotated[str, msgspec.Meta(pattern=f"^{ADDRESS_PATTERN}\\Z", max_length=127)]
Seconds = Annotated[int, msgspec.Meta(ge=0, le=10**12)]
Milliseconds = Annotated[int, msgspec.Meta(ge=0, le=10**15)]
Sequence = Annotated[int, msgspec.Meta(ge=0, le=10**15)]
Line = Annotated[str, msgspec.Meta(max_length=200)]
Thread = Annotated[str, msgspec.Meta(min_length=1, max_length=120)]

MessageType = Literal["context", "task", "reply", "alert", "broadcast", "sync", "repair"]
Urgency = Literal["now", "next-turn", "whenever"]
Authority = Literal["human", "agent", "system"]


class Wire(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """Base of all that travels."""


class Message(Wire, frozen=True, kw_only=True):
    """A message from one address to another. `n` counts the messages of a thread from 1; `prev` is the one before."""

    id: Id
    type: MessageType
    from_: AddressText = msgspec.field(name="from")
    to: AddressText
    body: str
    created: Seconds
    """In the sender's wall clock."""
    expires: Seconds
    """In the sender's wall clock."""
    n: Annotated[int, msgspec.Meta(ge=1, le=10**12)]
    prev: Id | None = None
    thread: Thread | None = None
    reply_to: Id | None = None
    subject: Line | None = None
    urgency: Urgency
    authority: Authority
    hops: Annotated[int, msgspec.Meta(ge=0, le=64)] = 0


class Statement(Wire, frozen=True, kw_only=True, array_like=True):
    """One line of a receipt log: what a recipient says about a message, under its own MAC (see receipts.py)."""

    seq: Sequence
    id: Id
    state: Annotated[str, msgspec.Meta(pattern="^[a-z]{3,20}\\Z")]
    at: Milliseconds
    channel: Annotated[str, msgspec.Meta(pattern="^[a-z0-9_-]{0,20}\\Z")]
    """The channel on which the message had arrived; empty where none."""
    attempt: Annotated[int, msgspec.Meta(ge=0, le=10**9)]
    detail: Annotated[str, msgspec.Meta(max_length=DETAIL_LIMIT)]
    mac: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}\\Z")]


class Request(Wire, frozen=True, kw_only=True, tag="request", tag_field="kind"):
    """What one node sends another; both sides of the exchange carry what the other has not heard yet."""

    time: Seconds
    """The sender's wall clock, so that the recipient can read `expires`."""
    have: Sequence
    """Up to which line this node has the other's receipt log on disk."""
    log: Annotated[list[Statement], msgspec.Meta(max_length=LOG_LIMIT)] = []
    packets: Annotated[list[msgspec.Raw], msgspec.Meta(max_length=BATCH_LIMIT)] = []
    attempt: Annotated[int, msgspec.Meta(ge=0, le=10**9)] = 0


class PacketAnswer(Wire, frozen=True, kw_only=True, array_like=True):
    """What became of one packet of a request: stored, duplicate or refused, and why it was refused."""

    id: str
    outcome: Literal["stored", "duplicate", "refused"]
    reason: Annotated[str, msgspec.Meta(max_length=500)] = ""


class Answer(Wire, frozen=True, kw_only=True, tag="answer", tag_field="kind"):
    """The answer to one request, named by the request's nonce."""

    re: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{32}\\Z")]
    time: Seconds
    """The answering node's replay clock."""
    have: Sequence
    log: Annotated[list[Statement], msgspec.Meta(max_length=LOG_LIMIT)] = []
    answers: Annotated[list[PacketAnswer], msgspec.Meta(max_length=BATCH_LIMIT)] = []
    refusal: Annotated[str, msgspec.Meta(pattern="^[a-z_]{0,40}\\Z")] = ""
    reason: Annotated[str, msgspec.Meta(max_length=500)] = ""


class Heartbeat(Wire, frozen=True, kw_only=True, tag="heartbeat", tag_field="kind"):
    """\"I am here\", over UDP. (boot, count) only grows, so that an old one is worth nothing."""

    boot: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{16}\\Z")]
    count: Sequence
    port: Annotated[int, msgspec.Meta(ge=0, le=65_535)] = 0


class BadPacket(ValueError):
    """A packet that is strict JSON and not of the form it should have."""


W = TypeVar("W", bound=Wire)

_encoder = msgspec.json.Encoder()
_decoders: dict[type[Wire], msgspec.json.Decoder[Any]] = {
    form: msgspec.json.Decoder(form) for form in (Message, Request, Answer, Heartbeat)
}


def write(packet: Wire) -> bytes:
    """The packet's bytes."""
    return _encoder.encode(packet)


def read(data: bytes | msgspec.Raw, form: type[W]) -> W:
    """A packet of the given form; NotStrict or BadPacket says why it is none."""
    raw = bytes(data)
    try:
        packet: W = _decoders[form].decode(raw)
        if _encoder.encode(packet) == raw:
            return packet
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        pass  # the slow way below says what is wrong
    document = parse(raw)
    try:
        # Written again rather than converted, because packets inside a request are kept as bytes.
        again: W = _decoders[form].decode(_encoder.encode(document))
        return again
    except msgspec.ValidationError as error:
        raise BadPacket(str(error)) from None
