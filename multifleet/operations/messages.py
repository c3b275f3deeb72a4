"""Sending messages to peers, and reading what came."""

from typing import TYPE_CHECKING, Annotated

import msgspec

from multifleet.core.ids import NODE_PATTERN
from multifleet.core.packets import MessageType, Urgency
from multifleet.errors import BadInput, UnknownMessage, UnknownSeat
from multifleet.operations.message_views import Accepted, InboxListing, InboxView
from multifleet.operations.operation import Effect, Operation, Request, about

if TYPE_CHECKING:
    from multifleet.node.node import Node

MESSAGE_REQUEST_LIMIT = 1024 * 1024
"""Bytes of a request that carries a message; the limit of its text is lower and is checked by the node."""

IdPrefix = Annotated[str, msgspec.Meta(min_length=6, max_length=36, pattern="^[0-9a-f-]+$")]
ReceivedId = Annotated[
    str, msgspec.Meta(min_length=6, max_length=100, pattern=rf"^({NODE_PATTERN}/)?[0-9a-f-]{{6,36}}$")
]
"""With the machine before it that sent the message, where others sent one with the same id."""
Body = Annotated[str | None, about("Text of the message.")]
Lifetime = Annotated[
    float | None, about("Seconds until it is given up; a week unless told, 30 days at most.")
]


class Payload(Request, frozen=True):
    """The nested form in which POST /message may carry text."""

    body: Annotated[str, about("Text of the message.")]
    subject: Annotated[str | None, about("One line that says what it is about.")] = None


class Send(Request, frozen=True):
    """A message to one address."""

    to: Annotated[str, about("Where it goes: NODE, or NODE/SEAT for the sessions of one project there.")]
    body: Body = None
    type: Annotated[
        MessageType, about("What kind of message it is; decides which channels may carry it.")
    ] = "context"
    subject: Annotated[str | None, about("One line that says what it is about.")] = None
    urgency: Annotated[
        Urgency,
        about("When its session is to see it: now, next-turn (it wakes an idle one) or whenever."),
    ] = "next-turn"
    thread: Annotated[str | None, about("Thread it belongs to; messages of one thread stay in order.")] = None
    reply_to: Annotated[
        str | None, about("Id of the message it answers, in full; MACHINE/ID where several machines sent one with it.")
    ] = None
    expires: Lifetime = None
    from_seat: Annotated[str | None, about("Seat on this node that answers go to.")] = None
    smart: Annotated[
        bool, about("Have the recipient show with it what the session that sees it worked on, in a few words.")
    ] = False
    id: Annotated[str | None, about("Id for it (a UUID), so that asking again does not send it twice.")] = (
        None
    )
    folder: Annotated[str | None, about("Folder the author works in; its seat is where answers go.")] = None
    signature: Annotated[
        str | None, about("A person's SSH signature over it, with an id: see docs/authority.md.")
    ] = None
    signed_at: Annotated[int | None, about("Second at which it was signed.")] = None
    payload: Annotated[
        Payload | None, about("Text and subject in the nested form, instead of body and subject.")
    ] = None


class Reply(Request, frozen=True):
    """An answer to a received message."""

    id: Annotated[ReceivedId, about("Id of the received message, or the start of it.")]
    body: Annotated[str, about("Text of the answer.")]
    subject: Annotated[str | None, about("One line that says what it is about.")] = None
    urgency: Annotated[Urgency, about("When its session is to see it: now, next-turn or whenever.")] = (
        "next-turn"
    )
    expires: Lifetime = None
    from_seat: Annotated[str | None, about("Seat on this node that answers go to.")] = None
    answer_id: Annotated[
        str | None, about("Id for the answer (a UUID), so that asking again does not send two.")
    ] = None
    folder: Annotated[str | None, about("Folder the author works in; its seat is where answers go.")] = None
    signature: Annotated[
        str | None, about("A person's SSH signature over it, with an answer_id: see docs/authority.md.")
    ] = None
    signed_at: Annotated[int | None, about("Second at which it was signed.")] = None


class Inbox(Request, frozen=True):
    """Which received messages to list."""

    seat: Annotated[str | None, about("Only messages for this seat.")] = None
    unread: Annotated[bool, about("Only messages that nobody has read.")] = False
    limit: Annotated[int, msgspec.Meta(ge=1, le=1000, description="How many at the most.")] = 50


class Unread(Request, frozen=True):
    """Which unread messages to list."""

    seat: Annotated[str | None, about("Only messages for this seat.")] = None
    limit: Annotated[int, msgspec.Meta(ge=1, le=1000, description="How many at the most.")] = 50


class Read(Request, frozen=True):
    """One received message."""

    id: Annotated[ReceivedId, about("Id of the received message, or the start of it.")]


async def send(node: "Node", request: Send) -> Accepted:
    """Send a message to an agent session on another machine, or to that machine.

    The answer says that it is durable here, not that it arrived: follow it with trace.
    """
    body, subject = _text(request)
    return await node.messages.send(
        request.to,
        body,
        type=request.type,
        subject=subject,
        urgency=request.urgency,
        thread=request.thread,
        reply_to=request.reply_to,
        expires_in=request.expires,
        sender_seat=request.from_seat or (request.folder and node.seat_of(request.folder)) or None,
        id=request.id,
        signature=request.signature,
        signed_at=request.signed_at,
        smart=request.smart,
    )


async def reply(node: "Node", request: Reply) -> Accepted:
    """Answer a received message, in its thread."""
    try:
        return await node.messages.reply(
            request.id,
            request.body,
            subject=request.subject,
            urgency=request.urgency,
            expires_in=request.expires,
            sender_seat=request.from_seat or (request.folder and node.seat_of(request.folder)) or None,
            answer_id=request.answer_id,
            signature=request.signature,
            signed_at=request.signed_at,
        )
    except UnknownMessage as error:
        raise await _better(node, request.id, error) from None


async def inbox(node: "Node", request: Inbox) -> InboxListing:
    """List received messages, newest first; reading the list marks nothing as read."""
    return await _listed(node, request.seat, request.unread, request.limit)


async def unread(node: "Node", request: Unread) -> InboxListing:
    """List the received messages that nobody has read."""
    return await _listed(node, request.seat, True, request.limit)


async def read(node: "Node", request: Read) -> InboxView:
    """Show one received message in full and mark it as read."""
    try:
        return await node.messages.read(request.id)
    except UnknownMessage as error:
        raise await _better(node, request.id, error) from None


async def _listed(node: "Node", seat: str | None, unread: bool, limit: int) -> InboxListing:
    found = await node.messages.inbox(seat, unread, limit)
    if not found and seat is not None and all(known.name != seat for known in await node.seats_view()):
        raise UnknownSeat(f"no seat {seat!r} here, and no message for it: see multifleet seats")
    return InboxListing(messages=found)


async def _better(node: "Node", id: str, error: UnknownMessage) -> UnknownMessage:
    """The same refusal, or what the id is where it is a message that left from here."""
    try:
        sent = await node.messages.trace(id, False)
    except UnknownMessage:
        return error
    return UnknownMessage(f"{sent.id} is a message that you sent: see multifleet trace {sent.id}")


def _text(request: Send) -> tuple[str, str | None]:
    if request.payload is None:
        if request.body is None:
            raise BadInput('the message has no text: give "body", or "payload" with a "body" in it')
        return request.body, request.subject
    if request.body is not None or request.subject is not None:
        raise BadInput('give the text either in "payload" or in "body" and "subject", not in both')
    return request.payload.body, request.payload.subject


OPERATIONS = (
    Operation(
        "send",
        "POST /message",
        Effect.WRITES,
        Send,
        Accepted,
        send,
        positional=("to", "body"),
        status=202,
        body_limit=MESSAGE_REQUEST_LIMIT,
        mcp=True,
        http_only=("payload",),
        needed=("body",),
        quiet=("folder", "signature", "signed_at"),
    ),
    Operation(
        "reply",
        "POST /reply",
        Effect.WRITES,
        Reply,
        Accepted,
        reply,
        positional=("id", "body"),
        status=202,
        body_limit=MESSAGE_REQUEST_LIMIT,
        mcp=True,
        quiet=("folder", "signature", "signed_at"),
    ),
    Operation("inbox", "GET /inbox", Effect.READS, Inbox, InboxListing, inbox, mcp=True),
    Operation("unread", "GET /messages/unread", Effect.READS, Unread, InboxListing, unread, slash=False),
    Operation("read", "POST /read", Effect.WRITES, Read, InboxView, read, positional=("id",), mcp=True),
)
