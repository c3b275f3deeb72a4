"""Following messages: where each is, who says so, and what became of those that did not arrive."""

from typing import TYPE_CHECKING, Annotated, Literal

import msgspec

from multifleet.core.receipts import BY_RECIPIENT, State, reached
from multifleet.operations.message_views import (
    Accepted,
    AckView,
    OutboxListing,
    ReceiptListing,
    TraceView,
)
from multifleet.operations.messages import IdPrefix, ReceivedId
from multifleet.operations.operation import Effect, Operation, Request, about

if TYPE_CHECKING:
    from multifleet.node.node import Node

LONGEST_WAIT = 3600.0
"""Seconds that one request may wait for a state."""

Limit = Annotated[int, msgspec.Meta(ge=1, le=1000, description="How many at the most.")]
Rung = Literal[
    "queued", "sent", "stored", "offered", "held", "refused", "seen", "answered", "expired", "undeliverable"
]


class Trace(Request, frozen=True):
    """A message to follow."""

    id: Annotated[ReceivedId, about("Id of the message, or the start of it.")]
    verify: Annotated[bool, about("Check the signature of every statement.")] = False
    wait: Annotated[
        Rung | None, about("Answer once the message has reached this state, or no longer can.")
    ] = None
    known: Annotated[int | None, about("Answer once there are more events than this.")] = None
    timeout: Annotated[
        float, msgspec.Meta(ge=0, le=LONGEST_WAIT, description="Seconds to wait at the most.")
    ] = 0.0


class Ack(Request, frozen=True):
    """A sent message."""

    id: Annotated[IdPrefix, about("Id of the message, or the start of it.")]


class Receipts(Request, frozen=True):
    """Which receipts to list."""

    id: Annotated[IdPrefix | None, about("Only those of this message; its id, or the start of it.")] = None
    limit: Limit = 50


class Outbox(Request, frozen=True):
    """Which sent messages to list."""

    peer: Annotated[str | None, about("Only messages to this node.")] = None
    limit: Limit = 50


class Dead(Request, frozen=True):
    """Which messages that were given up to list."""

    limit: Limit = 50


class Retry(Request, frozen=True):
    """A message to try again."""

    id: Annotated[IdPrefix, about("Id of the sent message, or the start of it.")]


async def trace(node: "Node", request: Trace) -> TraceView:
    """Show every step of a message: what happened, when, where, and who says so."""
    if request.wait is None and request.known is None:
        return await node.messages.trace(request.id, request.verify)
    found = await node.messages.wait(request.id, request.wait, request.timeout, request.known)
    if request.verify:
        found = await node.messages.trace(request.id, True)
    return msgspec.structs.replace(found, reached=_reached(found, request.wait))


async def ack(node: "Node", request: Ack) -> AckView:
    """Say whether the recipient has signed that it has a message on disk."""
    found = await node.messages.trace(request.id, False)
    sender = found.from_.partition("/")[0]
    for event in found.events:
        if event.by != sender and event.state in BY_RECIPIENT and reached(State(event.state), State.STORED):
            return AckView(id=found.id, state=found.state, acked=True, by=event.by, at=event.at)
    return AckView(id=found.id, state=found.state, acked=False)


async def receipts(node: "Node", request: Receipts) -> ReceiptListing:
    """List what recipients have stated about sent messages, newest first."""
    return ReceiptListing(receipts=await node.messages.receipts(request.id, request.limit))


async def outbox(node: "Node", request: Outbox) -> OutboxListing:
    """List sent messages and how far each has come, newest first."""
    return OutboxListing(messages=await node.messages.outbox(request.peer, request.limit))


async def dead(node: "Node", request: Dead) -> OutboxListing:
    """List messages that were given up: expired, refused or undeliverable, with the reason."""
    return OutboxListing(messages=await node.messages.dead(request.limit))


async def retry(node: "Node", request: Retry) -> Accepted:
    """Try a message again that was given up or that waits."""
    return await node.messages.retry(request.id)


def _reached(trace: TraceView, wanted: str | None) -> bool | None:
    if wanted is None:
        return None
    return any(reached(State(event.state), State(wanted)) for event in trace.events)


OPERATIONS = (
    Operation(
        "trace",
        "GET /trace/{id}",
        Effect.READS,
        Trace,
        TraceView,
        trace,
        positional=("id",),
        mcp=True,
        quiet=("known",),
    ),
    Operation("ack", "GET /ack/{id}", Effect.READS, Ack, AckView, ack, positional=("id",)),
    Operation(
        "receipts", "GET /receipts", Effect.READS, Receipts, ReceiptListing, receipts, positional=("id",)
    ),
    Operation(
        "outbox", "GET /outbox", Effect.READS, Outbox, OutboxListing, outbox, positional=("peer",), mcp=True
    ),
    Operation("dead", "GET /dead", Effect.READS, Dead, OutboxListing, dead, mcp=True),
    Operation("retry", "POST /retry", Effect.WRITES, Retry, Accepted, retry, positional=("id",)),
)
