"""Who is in the fleet: looking at it, putting a machine out, leaving."""

from typing import TYPE_CHECKING, Annotated

import msgspec

from multifleet.operations.nodes import Nothing
from multifleet.operations.operation import Effect, Operation, Request, about
from multifleet.operations.roster_views import LeftView, RevokedView, RosterView, SettledView

if TYPE_CHECKING:
    from multifleet.node.node import Node


class Revoke(Request, frozen=True):
    """A machine to put out."""

    node: Annotated[str, about("Its id, or the beginning of its key as roster shows it.")]
    reason: Annotated[
        str, about("Why, in a few words that all members see."), msgspec.Meta(max_length=200)
    ] = ""
    with_admitted: Annotated[bool, about("Put out whom it had let in as well.")] = False
    bring_others_back: Annotated[bool, about("Bring back those whom it had put out; it stays out itself.")] = False


class Settle(Request, frozen=True):
    """A dispute to settle here."""

    node: Annotated[str, about("Captain to hold with: its id, or the beginning of its key as roster shows it.")]
    undo: Annotated[bool, about("Take it back: the dispute is open here again.")] = False


async def roster(node: "Node", request: Nothing) -> RosterView:
    """Show who is in the fleet, in which role and let in by whom, and who is out and why."""
    return await node.roster_view()


async def revoke(node: "Node", request: Revoke) -> RevokedView:
    """Put a machine out of the fleet for good, on all members, for example because it was stolen.

    Only a captain can. What is on its way to it becomes undeliverable, what it sends is refused, and nobody whom it
    lets in from now on is in. Nothing takes that back: it comes back only with new keys.
    """
    return await node.revoke(request.node, request.reason, request.with_admitted, request.bring_others_back)


async def settle(node: "Node", request: Settle) -> SettledView:
    """Decide for this machine alone with whom it holds where two captains have put each other out.

    No other machine is told. A third captain's revoke settles it for all.
    """
    return await node.settle(request.node, request.undo)


async def leave(node: "Node", request: Nothing) -> LeftView:
    """Leave the fleet: tell the members, and be a fleet of one again with the same keys and inbox.

    What waits to be delivered becomes undeliverable. A captain's invitation lets it in again.
    """
    return await node.leave()


OPERATIONS = (
    Operation("roster", "GET /roster", Effect.READS, Nothing, RosterView, roster),
    Operation(
        "revoke",
        "POST /revoke",
        Effect.ENDS,
        Revoke,
        RevokedView,
        revoke,
        positional=("node",),
        local_cli=True,
    ),
    Operation(
        "settle",
        "POST /settle",
        Effect.DISRUPTS,
        Settle,
        SettledView,
        settle,
        positional=("node",),
        local_cli=True,
    ),
    Operation("leave", "POST /leave", Effect.ENDS, Nothing, LeftView, leave, local_cli=True),
)
