"""Sending to one exact session, and to no other that may sit on its seat."""

from typing import TYPE_CHECKING, Annotated

import msgspec

from multifleet.core.packets import EXPIRES_LIMIT, SESSION_PATTERN, Urgency
from multifleet.operations.message_views import Accepted
from multifleet.operations.messages import MESSAGE_REQUEST_LIMIT
from multifleet.operations.operation import Effect, Operation, Request, about

if TYPE_CHECKING:
    from multifleet.node.node import Node

LIFETIME = 600.0


class Inject(Request, frozen=True):
    """A message to one session."""

    node: Annotated[str, about("The machine that the session runs on.")]
    session: Annotated[
        str,
        msgspec.Meta(pattern=f"^{SESSION_PATTERN}$", description="Its client's id, as `sessions` shows it there."),
    ]
    body: Annotated[str, about("Text of the message.")]
    subject: Annotated[str | None, about("One line that says what it is about.")] = None
    urgency: Annotated[Urgency, about("When the session is to see it: now, next-turn or whenever.")] = "next-turn"
    expires: Annotated[float, msgspec.Meta(ge=1, le=EXPIRES_LIMIT, description="Seconds until it is given up.")] = (
        LIFETIME
    )
    folder: Annotated[str | None, about("Folder the author works in; its seat is where answers go.")] = None


async def inject(node: "Node", request: Inject) -> Accepted:
    """Send a message to one exact session, and to no other: not to the next one on its seat either.

    If that session is not open there before the message expires, in ten minutes unless told, nobody sees it.
    """
    return await node.messages.send(
        request.node,
        request.body,
        subject=request.subject,
        urgency=request.urgency,
        thread=f"session {request.session}",  # so that it holds up nothing that is for other sessions
        expires_in=request.expires,
        sender_seat=(request.folder and node.seat_of(request.folder)) or None,
        session=request.session,
    )


OPERATIONS = (
    Operation(
        "inject",
        "POST /inject",
        Effect.WRITES,
        Inject,
        Accepted,
        inject,
        positional=("node", "session", "body"),
        status=202,
        body_limit=MESSAGE_REQUEST_LIMIT,
        quiet=("folder",),
    ),
)
