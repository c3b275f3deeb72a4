"""Looking around in the network."""

from typing import TYPE_CHECKING

from multifleet.operations.discovery_views import DiscoveryView
from multifleet.operations.operation import Effect, Operation, Request

if TYPE_CHECKING:
    from multifleet.node.node import Node


class Discover(Request, frozen=True):
    """A question without fields."""


async def discover(node: "Node", request: Discover) -> DiscoveryView:
    """Show what is heard on the network: nodes, where they may be, and which have not joined."""
    return await node.discover_view()


OPERATIONS = (Operation("discover", "GET /discover", Effect.READS, Discover, DiscoveryView, discover),)
