"""What frames carry: requests with packets, words about the roster, and answers (presence/gossip.py has what datagrams
carry). Every field's shape is checked before it is used.

Wire form is JSON. Readers are strict; a packet that is written exactly as this program writes it is recognized by
writing it again (fast), any other goes through `strict.parse` first.
"""

import re
from typing import Annotated, Any, Literal, TypeVar

import msgspec

from multifleet.core.documents import Signed
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
LIFETIME = 7 * 86_400.0
"""Seconds that a message waits unless told otherwise."""
LINE_LIMIT, THREAD_LIMIT = 200, 120
"""Characters of a subject, and of a thread's name."""
REASON_LIMIT = 500
"""Characters of a refusal's reason."""
SIGNATURE_LIMIT = 8_192
"""Characters of a person's signature."""
DETAIL_LIMIT = 4_000
"""Characters of a statement's detail."""
DOCUMENTS_LIMIT = 256
"""Documents of the roster in one frame."""
DOCUMENTS_BYTES = 256 * 1024
"""Bytes of these; a single one may have more."""

SESSION_PATTERN = "[0-9A-Za-z][0-9A-Za-z_-]{0,79}"
"""The shape of a client's id of a session."""
_SESSION = re.compile(SESSION_PATTERN)

Id = Annotated[str, msgspec.Meta(pattern=f"^{ID_PATTERN}\\Z")]
AddressText = Annotated[str, msgspec.Meta(pattern=f"^{ADDRESS_PATTERN}\\Z", max_length=127)]
Seconds = Annotated[int, msgspec.Meta(ge=0, le=10**12)]
Milliseconds = Annotated[int, msgspec.Meta(ge=0, le=10**15)]
Sequence = Annotated[int, msgspec.Meta(ge=0, le=10**15)]
Line = Annotated[str, msgspec.Meta(max_length=LINE_LIMIT)]
Thread = Annotated[str, msgspec.Meta(min_length=1, max_length=THREAD_LIMIT)]

MessageType = Literal["context", "task", "reply", "alert", "broadcast", "sync", "repair"]
Urgency = Literal["now", "next-turn", "whenever"]
Authority = Literal["human", "agent", "system"]
Mode = Literal["prompting", "bypass"]


class Wire(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """Base of all that travels."""


class Message(Wire, frozen=True, kw_only=True):
    """A message from one address to another. `n` counts the messages of a thread from 1; `prev` is the one before."""

    id: Id
    """A retry keeps it."""
    type: MessageType
    """Decides which channels may carry it, and its place in the queue."""
    from_: AddressText = msgspec.field(name="from")
    """Node and seat that answers go to."""
    to: AddressText
    """Where it goes."""
    body: str
    """At most 262144 bytes of UTF-8."""
    created: Seconds
    """In the sender's wall clock."""
    expires: Seconds
    """In the sender's wall clock."""
    n: Annotated[int, msgspec.Meta(ge=1, le=10**12)]
    """Its number among the messages of one (from, to, thread)."""
    prev: Id | None = None
    """The message before it there."""
    thread: Thread | None = None
    """What the sender calls the conversation."""
    reply_to: Id | None = None
    """The message that it answers."""
    subject: Line | None = None
    """One line."""
    urgency: Urgency
    """When its session is to see it."""
    authority: Authority
    """Who wrote it, as the sender's daemon states it: an agent to its recipient, unless a signature proves a person."""
    hops: Annotated[int, msgspec.Meta(ge=0, le=64)] = 0
    """How many automatic answers went before it; see below."""
    signature: Annotated[str, msgspec.Meta(min_length=1, max_length=SIGNATURE_LIMIT)] | None = None
    """A person's SSH signature (armored SSHSIG, namespace `multifleet`) over what is said below."""
    signed_at: Seconds | None = None
    """When it was signed, in the wall clock of the machine where that was done."""
    smart: bool = False
    """Whether its recipient shows with it what the session is about that sees it."""
    session: Annotated[str, msgspec.Meta(pattern=f"^{SESSION_PATTERN}\\Z")] | None = None
    """The one session that may see it, by its client's id; none where the rule for its seat chooses one."""
    from_mode: Mode | None = None
    """Whether the session that wrote it asks its user before it acts, as its client says; it opens nothing."""


class Statement(Wire, frozen=True, kw_only=True, array_like=True):
    """One line of a receipt log: what a recipient says about a message, under its own MAC (see receipts.py)."""

    seq: Sequence
    """Its line in the log of these two nodes, from 1; 0 where a node states its own step."""
    id: Id
    """The message."""
    state: Annotated[str, msgspec.Meta(pattern="^[a-z]{3,20}\\Z")]
    """The rung of the ladder."""
    at: Milliseconds
    """By the clock of who states it."""
    channel: Annotated[str, msgspec.Meta(pattern="^[a-z0-9_-]{0,20}\\Z")]
    """The channel on which the message had arrived; empty where none."""
    attempt: Annotated[int, msgspec.Meta(ge=0, le=10**9)]
    """The request in which the message had come; 0 where it is not known."""
    detail: Annotated[str, msgspec.Meta(max_length=DETAIL_LIMIT)]
    """What else is known, in words."""
    mac: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}\\Z")]
    """See below."""


class Request(Wire, frozen=True, kw_only=True, tag="request", tag_field="kind"):
    """What one node sends another; both sides of the exchange carry what the other has not heard yet."""

    time: Seconds
    """The sender's wall clock, so that the recipient can read `expires`."""
    have: Sequence
    """Up to which line this node has the other's receipt log on disk."""
    log: Annotated[list[Statement], msgspec.Meta(max_length=LOG_LIMIT)] = []
    """Statements that the recipient does not have yet."""
    packets: Annotated[list[msgspec.Raw], msgspec.Meta(max_length=BATCH_LIMIT)] = []
    """Messages; their bytes are read after the whole request was."""
    attempt: Annotated[int, msgspec.Meta(ge=0, le=10**9)] = 0
    """The sender's number of this request; statements about its packets name it."""


class PacketAnswer(Wire, frozen=True, kw_only=True, array_like=True):
    """What became of one packet of a request: stored, duplicate or refused, and why it was refused."""

    id: str
    """The message; zeros where not even that could be read."""
    outcome: Literal["stored", "duplicate", "refused"]
    """Refused is final, the others are the same to the sender."""
    reason: Annotated[str, msgspec.Meta(max_length=REASON_LIMIT)] = ""
    """Why it was refused; of a replay, the true state."""


class Answer(Wire, frozen=True, kw_only=True, tag="answer", tag_field="kind"):
    """The answer to one request, named by the request's nonce."""

    re: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{32}\\Z")]
    """The nonce of the request."""
    time: Seconds
    """The answering node's replay clock."""
    have: Sequence
    """Up to which line this node has the other's receipt log on disk."""
    log: Annotated[list[Statement], msgspec.Meta(max_length=LOG_LIMIT)] = []
    """Statements that the other does not have yet."""
    answers: Annotated[list[PacketAnswer], msgspec.Meta(max_length=BATCH_LIMIT)] = []
    """One for each packet, in their order."""
    refusal: Annotated[str, msgspec.Meta(pattern="^[a-z_]{0,40}\\Z")] = ""
    """Why the whole frame was refused; empty where it was taken."""
    reason: Annotated[str, msgspec.Meta(max_length=REASON_LIMIT)] = ""
    """The same in words."""


class RosterAsk(Wire, frozen=True, kw_only=True, tag="roster_ask", tag_field="kind"):
    """"This is what I have of the roster": with documents that the other lacks, with a question for those that it has
    more, or with both. Taking it twice changes nothing."""

    time: Seconds
    """The sender's wall clock."""
    buckets: Annotated[list[Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{8}\\Z")]], msgspec.Meta(max_length=64)] = []
    """Digests of the 64 parts of its roster; none where it asks for nothing."""
    after: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{0,32}\\Z")] = ""
    """The last document of the answer before, where that had more to come."""
    documents: Annotated[list[Signed], msgspec.Meta(max_length=DOCUMENTS_LIMIT)] = []
    """What the other may lack."""


class RosterTell(Wire, frozen=True, kw_only=True, tag="roster_tell", tag_field="kind"):
    """The answer to one RosterAsk, named by its nonce."""

    re: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{32}\\Z")]
    """The nonce of the question."""
    time: Seconds
    """The answering node's replay clock."""
    buckets: Annotated[list[Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{8}\\Z")]], msgspec.Meta(max_length=64)] = []
    """Digests of the 64 parts of its roster, once it has taken what came."""
    documents: Annotated[list[Signed], msgspec.Meta(max_length=DOCUMENTS_LIMIT)] = []
    """Those of the parts that differ, in the order of their ids."""
    more: bool = False
    """Whether there are further ones."""
    refused: Annotated[int, msgspec.Meta(ge=0, le=DOCUMENTS_LIMIT)] = 0
    """How many of the documents that came were not taken."""


def is_session_id(text: str) -> bool:
    """Whether the text has the shape of a client's id of a session."""
    return _SESSION.fullmatch(text) is not None


class BadPacket(ValueError):
    """A packet that is strict JSON and not of the form it should have."""


W = TypeVar("W", bound=Wire)

_encoder = msgspec.json.Encoder()
_decoders: dict[Any, msgspec.json.Decoder[Any]] = {}


def write(packet: Wire) -> bytes:
    """The packet's bytes."""
    return _encoder.encode(packet)


def read(data: bytes | msgspec.Raw, form: type[W]) -> W:
    """A packet of the given form; NotStrict or BadPacket says why it is none."""
    packet: W = read_any(data, form)
    return packet


_TOLD = Answer | RosterTell


def read_told(data: bytes) -> Answer | RosterTell:
    """What a peer may answer to a question about the roster: an Answer where it refuses the whole frame."""
    packet: Answer | RosterTell = read_any(data, _TOLD)
    return packet


def read_any(data: bytes | msgspec.Raw, form: Any) -> Any:
    """A packet of one of several forms; as `read`."""
    raw = bytes(data)
    decoder = _decoders.get(form) or _decoders.setdefault(form, msgspec.json.Decoder(form))
    try:
        packet = decoder.decode(raw)
        if _encoder.encode(packet) == raw:
            return packet
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        pass  # the slow way below says what is wrong
    document = parse(raw)
    try:
        # Written again rather than converted, because packets inside a request are kept as bytes.
        return decoder.decode(_encoder.encode(document))
    except msgspec.ValidationError as error:
        raise BadPacket(str(error)) from None
