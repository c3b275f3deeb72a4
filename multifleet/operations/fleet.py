"""Putting a fleet together: keys, invitations, joining; and frames that another program brings."""

from typing import TYPE_CHECKING, Annotated, Literal

import msgspec

from multifleet.operations.fleet_views import AnswerView, InitView, InviteView, JoinedView, RotationView
from multifleet.operations.messages import MESSAGE_REQUEST_LIMIT
from multifleet.operations.operation import Effect, Operation, Request, about

if TYPE_CHECKING:
    from multifleet.node.node import Node


class Init(Request, frozen=True):
    """A node to make."""

    node: Annotated[str | None, about("Id for this node; its host name unless told.")] = None


class Invite(Request, frozen=True):
    """An invitation."""

    at: Annotated[
        list[str], about("Address of this node that the other machine shall call, as HOST:PORT.")
    ] = msgspec.field(default_factory=list)
    role: Annotated[
        Literal["captain", "worker"],
        about("What the machine may decide: a captain lets others in and puts them out, a worker does not."),
    ] = "captain"


class Join(Request, frozen=True):
    """An invitation to accept."""

    code: Annotated[str, about("The code that invite showed on the other machine.")]
    at: Annotated[
        list[str], about("Address of the other machine as HOST:PORT, if the code's own does not do.")
    ] = msgspec.field(default_factory=list)


class RotateKeys(Request, frozen=True):
    """A key to renew."""

    show: Annotated[bool, about("Change nothing; only show how far the last renewal is.")] = False


class Receive(Request, frozen=True):
    """A frame that came by a way the daemon does not listen on."""

    frame: Annotated[bytes, about("The frame; base64 in JSON.")]
    by: Annotated[
        Literal["local", "ssh"],
        about("The channel by which it came; over ssh, what waits here for its sender is given back as well."),
    ] = "local"


async def init(node: "Node", request: Init) -> InitView:
    """Make this machine a node: create its keys and its home."""
    return await node.init_view()


async def invite(node: "Node", request: Invite) -> InviteView:
    """Make a one-time code, good for ten minutes, that lets one machine join."""
    return await node.invite(request.at, request.role)


async def join(node: "Node", request: Join) -> JoinedView:
    """Join the fleet of the machine that made the code."""
    return await node.join(request.code, request.at)


async def rotate_keys(node: "Node", request: RotateKeys) -> RotationView:
    """Renew the key for exchange with peers (done by itself every 30 days), and show how far that is."""
    return await node.rotate_keys(request.show)


async def receive(node: "Node", request: Receive) -> AnswerView:
    """Take a frame from standard input and answer it on standard output."""
    return await node.receive_frame(request.frame, request.by)


OPERATIONS = (
    Operation("init", "POST /init", Effect.WRITES, Init, InitView, init, local_cli=True),
    Operation("invite", "POST /invite", Effect.WRITES, Invite, InviteView, invite, local_cli=True),
    Operation(
        "join",
        "POST /join-fleet",
        Effect.WRITES,
        Join,
        JoinedView,
        join,
        positional=("code",),
        local_cli=True,
    ),
    Operation("rotate-keys", "POST /rotate-keys", Effect.WRITES, RotateKeys, RotationView, rotate_keys),
    Operation(
        "receive",
        "POST /receive",
        Effect.WRITES,
        Receive,
        AnswerView,
        receive,
        body_limit=2 * MESSAGE_REQUEST_LIMIT,
        slash=False,
        local_cli=True,
    ),
)
