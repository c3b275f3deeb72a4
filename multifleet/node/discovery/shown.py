"""What was heard on the network, as a user is shown it."""

from collections.abc import Callable

from multifleet.core.visible import visible
from multifleet.node.clock import NodeClock
from multifleet.node.discovery.discovery import Discovery
from multifleet.operations.views import DiscoveryView, HeardView


def discovery_view(discovery: Discovery, state_of: Callable[[str], str | None], clock: NodeClock) -> DiscoveryView:
    """`state_of` gives the state of a member, and None of a stranger."""
    ago = clock.monotonic()
    wall = clock.now()
    return DiscoveryView(
        mdns=_mdns(discovery),
        heard=[
            HeardView(
                node=visible(seen.node, one_line=True),
                way=seen.way.value,
                addresses=list(seen.addresses),
                member=(state := state_of(seen.node)) is not None,
                state=state,
                seen_at=wall - (ago - seen.at),
            )
            for seen in discovery.listing()
        ],
    )


def _mdns(discovery: Discovery) -> str:
    if not discovery.mdns.is_used:
        return "off"
    return "on" if discovery.mdns.problem is None else discovery.mdns.problem
