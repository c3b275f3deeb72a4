"""What was heard on the network, as a user is shown it."""

from collections.abc import Callable

from multifleet.core.visible import visible
from multifleet.node.clock import NodeClock
from multifleet.node.discovery.discovery import Discovery
from multifleet.operations.views import DiscoveryView, HeardView


def discovery_view(
    discovery: Discovery, state_of: Callable[[str], str | None], clock: NodeClock, why_off: str | None
) -> DiscoveryView:
    """`state_of` gives the state of a member, and None of a stranger; `why_off` is why multicast is not to be used."""
    ago = clock.monotonic()
    wall = clock.now()
    return DiscoveryView(
        mdns=_mdns(discovery, why_off),
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


def _mdns(discovery: Discovery, why_off: str | None) -> str:
    if why_off is not None:
        return f"off: {why_off}"
    if not discovery.mdns.is_used:
        return "begins a second after the daemon"
    return "on" if discovery.mdns.problem is None else discovery.mdns.problem
