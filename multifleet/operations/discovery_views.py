"""What a user is shown of what is heard on the network."""

from typing import Annotated

from multifleet.operations.operation import View, about


class HeardView(View, frozen=True):
    """A node that was heard of on the network, by one way."""

    node: Annotated[str, about("Its id, as it says itself.")]
    way: Annotated[str, about("How it was heard of: mdns, tailscale or configured.")]
    addresses: Annotated[list[str], about("Where it may be, as host:port; nobody has verified them.")]
    member: Annotated[bool, about("Whether it is a member of the fleet; anybody can take a member's name.")]
    state: Annotated[str | None, about("State of the member of this name; null for who has not joined.")]
    seen_at: Annotated[float, about("When it was last heard of this way.")]


class DiscoveryView(View, frozen=True):
    """What is heard on the network."""

    mdns: Annotated[str, about("How multicast DNS is doing: on, or why it is off or does not work.")]
    heard: Annotated[list[HeardView], about("What was heard, by node and way.")]
