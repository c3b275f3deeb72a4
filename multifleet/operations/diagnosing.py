"""Finding out what is wrong between this node and its peers."""

from typing import TYPE_CHECKING, Annotated

from multifleet.operations.diagnosis_views import TriedListing, WhyView
from multifleet.operations.operation import Effect, Operation, Request, about

if TYPE_CHECKING:
    from multifleet.node.node import Node


class Why(Request, frozen=True):
    """Whom it is about."""

    node: Annotated[str, about("Id of the peer.")]


class Check(Request, frozen=True):
    """Which peers to try."""

    node: Annotated[str | None, about("Id of the peer; all of them are tried where none is named.")] = None
    all: Annotated[bool, about("Every peer.")] = False


async def why(node: "Node", request: Why) -> WhyView:
    """Say what is wrong with a peer, how sure that is, and how it is known; takes up to ten seconds.

    Joins what this machine sees with what the peer itself signs, over whatever channel it answers, and with what other
    members say. Nothing is called proved while anything else could be the cause.
    """
    return await node.why(request.node)


async def check(node: "Node", request: Check) -> TriedListing:
    """Try every channel to a peer now, or to all of them, and say what came of each; nobody is disturbed by it."""
    return TriedListing(channels=await node.check_channels(None if request.all else request.node))


OPERATIONS = (
    Operation("why", "GET /why/{node}", Effect.READS, Why, WhyView, why, positional=("node",), mcp=True),
    Operation("check", "GET /check", Effect.READS, Check, TriedListing, check, positional=("node",)),
)
