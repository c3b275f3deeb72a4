"""Mending broken channels by hand."""

from typing import TYPE_CHECKING, Annotated, Literal

from multifleet.operations.operation import Effect, Operation, Request, about
from multifleet.operations.repair_views import RepairView

if TYPE_CHECKING:
    from multifleet.node.node import Node

Rung = Literal["L1", "L2", "L3", "L4"]


class Repair(Request, frozen=True):
    """What to repair, and how."""

    node: Annotated[str | None, about("Node whose broken channels are to be repaired; none only shows the ladder.")] = (
        None
    )
    level: Annotated[
        Rung | None,
        about("L1 mends this side, L2 tells the node, L3 repairs its daemon over SSH, L4 tells you; none: the next."),
    ] = None
    anyway: Annotated[
        bool, about("Also where the node was turned to three times within the hour; three times more at the most.")
    ] = False


async def repair(node: "Node", request: Repair) -> RepairView:
    """Climb the repair ladder for the broken channels to a node now, or show the ladder.

    It is climbed by itself as well; at most three times an hour a node is turned to about repairs, by hand or not.
    What reaches nobody does not count.
    """
    return await node.repair(request.node, request.level, request.anyway)


OPERATIONS = (
    Operation(
        "repair",
        "POST /repair",
        Effect.WRITES,
        Repair,
        RepairView,
        repair,
        positional=("node",),
        mcp=True,
        local_cli=True,
    ),
)
