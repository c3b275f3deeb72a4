"""Tunnels over SSH to the daemons of peers, for networks that let nothing else in."""

from typing import TYPE_CHECKING, Annotated

import msgspec

from multifleet.operations.operation import Effect, Operation, Request, View, about

if TYPE_CHECKING:
    from multifleet.node.node import Node


class Tunnel(Request, frozen=True):
    """A tunnel to open or to stop, or which there are."""

    node: Annotated[str | None, about("Open a tunnel to this node.")] = None
    local_port: Annotated[
        int,
        msgspec.Meta(ge=0, le=65_535, description="Port here; 0: the configured one, else any that is free."),
    ] = 0
    list: Annotated[bool, about("Only list the tunnels; so does the command without a node.")] = False
    stop: Annotated[bool, about("Stop the tunnel to the node, or without a node all of them.")] = False


class TunnelView(View, frozen=True):
    """One tunnel."""

    node: Annotated[str, about("The peer.")]
    address: Annotated[str, about("Where it begins on this machine.")]
    there: Annotated[str, about("Where it ends, as the peer's machine sees it; empty until it was open in this run.")]
    login: Annotated[str, about("As whom this node logged in, and where; empty until it was open in this run.")]
    open: Annotated[bool, about("Whether it carries anything now.")]
    reason: Annotated[str | None, about("Why it does not; or why it begins at another port than before.")]
    since: Annotated[float, about("When it was asked for.")]


class TunnelListing(View, frozen=True):
    """All tunnels."""

    tunnels: Annotated[list[TunnelView], about("By node.")]
    stopped: Annotated[list[str], about("Nodes to which one was stopped just now.")] = msgspec.field(
        default_factory=list
    )


async def tunnel(node: "Node", request: Tunnel) -> TunnelListing:
    """Open an SSH tunnel to a node's daemon, list the tunnels, or stop them.
    Messages to the node go through it as long as it is there. It is opened anew when it breaks, and after a restart."""
    stopped: list[str] = []
    if request.stop:
        stopped = await node.tunnelling.stop(request.node)
    elif request.node is not None and not request.list:
        await node.tunnelling.open(request.node, request.local_port)
    return TunnelListing(node.tunnelling.views(), stopped)


OPERATIONS = (
    Operation(
        "tunnel",
        "POST /tunnel",
        Effect.WRITES,
        Tunnel,
        TunnelListing,
        tunnel,
        positional=("node",),
    ),
)
