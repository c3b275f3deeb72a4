"""The rows of the store as values: what callers hand over and get back. No SQL and no behaviour here.

They are msgspec Structs: a message makes several of them, and a frozen dataclass costs ten times as much to make.

Moments are seconds since 1970: `float` where this node noted them, `int` where they travel in a packet.
"""

import msgspec


class ReceiptRow(msgspec.Struct, frozen=True):
    """One event in the life of a message sent from here; `seq` is None for what this node itself observed."""

    message_id: str
    peer: str
    seq: int | None
    state: str
    at: float
    by: str
    channel: str | None
    attempt: int
    detail: str | None
    mac: str


class OutboxRow(msgspec.Struct, frozen=True):
    """A message on its way to one node; open until `closed_at` is set."""

    id: str
    peer: str
    to: str
    sender: str
    type: str
    tier: int
    urgency: str
    thread: str | None
    n: int
    prev: str | None
    created: int
    expires: int
    packet: bytes
    state: str
    reason: str | None
    unknown_outcome: bool
    closed_at: float | None
    peer_key: str = ""
    """The Ed25519 key (hex) that the peer's name had when this was accepted; empty where it had none yet."""
    row: int = 0


class OutboxChange(msgspec.Struct, frozen=True):
    """A new state of an outbox row; `unknown_outcome` and `closed_at` keep their value where None."""

    id: str
    peer: str
    state: str
    reason: str | None = None
    unknown_outcome: bool | None = None
    closed_at: float | None = None


class LogRow(msgspec.Struct, frozen=True):
    """One statement of this node to a peer about a message that the peer sent."""

    seq: int
    message_id: str
    state: str
    at: float
    channel: str | None
    attempt: int
    detail: str | None


class InboxRow(msgspec.Struct, frozen=True):
    """A message received; `sender` is the node, `from_` the whole address."""

    sender: str
    id: str
    from_: str
    to: str
    seat: str | None
    type: str
    urgency: str
    thread: str | None
    n: int
    prev: str | None
    reply_to: str | None
    subject: str | None
    body: str
    authority: str
    created: int
    expires: int
    stored_at: float
    channel: str | None
    state: str
    state_at: float
    session: str | None
    offer: str | None
    detail: str | None
    attempt: int
    packet: bytes | None
    """What else its sender wishes for it (node/offering/wishes.py); None where that is nothing."""
    read_at: float | None = None
    sender_key: str = ""
    """The Ed25519 key (hex) that the sender's name had when it came; empty where that is not known."""
    hops: int = 0
    """How many automatic answers went before it."""
    signer: str = ""
    """The person whose signature was proved when it came; empty where there was none."""
    row: int = 0


class InboxChange(msgspec.Struct, frozen=True):
    """A new state of a received message; `channel` and `attempt` are those of its arrival where None."""

    sender: str
    id: str
    state: str
    at: float
    detail: str | None = None
    session: str | None = None
    offer: str | None = None
    channel: str | None = None
    attempt: int | None = None


class Refusal(msgspec.Struct, frozen=True):
    """A message that was understood and turned away; it gets a statement and no inbox row."""

    id: str
    state: str
    detail: str | None
    channel: str | None = None
    attempt: int = 0


class InboundFrame(msgspec.Struct, frozen=True):
    """A verified frame with an effect; `keep_until` is its nonce's, `have` the sender's acknowledgement."""

    sender: str
    nonce: str
    keep_until: int
    rows: tuple[InboxRow, ...]
    refused: tuple[Refusal, ...]
    have: int
    at: float


OWN_ID = "a message that was sent from here has its id: send it anew, with another one"
"""Why one is refused. Whoever got that message knows its id, and of two with it nobody could tell which is meant."""


class Received(msgspec.Struct, frozen=True):
    """What became of a frame; `results` and `states` follow its rows.

    A result is stored, duplicate, refused (for OWN_ID), or (in a replay only) unknown, whose state is None.
    """

    replay: bool
    results: tuple[str, ...]
    states: tuple[str | None, ...]
    log: tuple[LogRow, ...]


class PeerRow(msgspec.Struct, frozen=True):
    """A pinned member of the fleet, what is known of the way to it, and in which state of presence it was last."""

    node: str
    ed25519: bytes
    x25519: bytes
    card: bytes
    signature: bytes
    addresses: tuple[str, ...]
    added_at: float
    via: str
    clock_offset: float | None = None
    offset_at: float | None = None
    heard_at: float | None = None
    heard_from: str | None = None
    attempt: int = 0
    delay: float = 0.0
    elapsed: float = 0.0
    best_address: str | None = None
    state: str = ""
    state_since: float | None = None
    state_how: str = ""
    incarnation: int = 0
    role: str = "captain"


class HealthRow(msgspec.Struct, frozen=True):
    """The state of one channel to one peer; `latencies` are its latest round trips, seconds, oldest first."""

    peer: str
    channel: str
    state: str
    failures: int
    changed_at: float
    last_ok: float | None
    last_error: str | None
    latencies: tuple[float, ...] = ()


class SeatRow(msgspec.Struct, frozen=True):
    """A durable address of agent sessions, bound to a project folder; `bound_by` is user or seen."""

    name: str
    folder: str
    client: str
    bound_by: str
    last_session: str | None
    added_at: float


class OfferRow(msgspec.Struct, frozen=True):
    """One showing of messages (sender, id) to one session, by socket or hook."""

    id: str
    session: str
    via: str
    at: float
    state: str
    messages: tuple[tuple[str, str], ...]
    detail: str | None = None
    transcript: str | None = None
    finished: bool = False


class InviteRow(msgspec.Struct, frozen=True):
    """An invitation; `used_by` is the Ed25519 key that used it up, `nonces` are those of its requests."""

    id: str
    secret: bytes
    code_hash: str
    expires: float
    used_by: bytes | None = None
    role: str = "captain"
    nonces: str = ""


class RosterRow(msgspec.Struct, frozen=True):
    """A signed document; of those with one `slot` the newest is kept."""

    slot: str
    id: str
    text: str
    signature: str


class RelayedRow(msgspec.Struct, frozen=True):
    """A frame that lies here for another node."""

    mark: str
    """The beginning of its SHA-256."""
    sender: str
    recipient: str
    size: int
    keep_until: int
    """By the replay clock."""
    frame: bytes
