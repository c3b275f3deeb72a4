"""Is this node heard in the local network by itself, and does it hear the others. That it is not is seldom a fault:
multicast is switched off, or the network has none, and the members find each other by their cards.
"""

from typing import TYPE_CHECKING

from multifleet.core.sightings import Way
from multifleet.node.checks.finding import Finding, ok, warn
from multifleet.node.discovery.interfaces import NO_INTERFACE
from multifleet.node.discovery.why_off import why_off

if TYPE_CHECKING:
    from multifleet.node.node import Node

NOT_ASKED = ok("not asked: no daemon answers that would be heard")


def heard(node: "Node") -> Finding:
    """What multicast DNS does here, and how many of the members are heard by it."""
    mdns = node.discovery.mdns
    off = why_off(node.config.mdns, node.binds if node.listens else ())
    if off is not None:
        return ok(f"off: {off}")
    if not mdns.is_used:
        return ok("begins a second after the daemon")
    if mdns.problem == NO_INTERFACE:
        return ok("waits: no network interface is up")
    if mdns.problem is not None:
        return warn(
            f"multicast cannot be had here: {mdns.problem}",
            "none is needed: what members know of each other's addresses, Tailscale and `nodes` in config.json "
            'do as well; "mdns": false there ends the attempts',
        )
    names = {seen.node for seen in node.discovery.listing() if seen.way is Way.MDNS}
    members = [member.node for member in node.members.others()]
    if not members:
        return ok(f"on; {len(names)} others announce this fleet")
    near = sum(name in names for name in members)
    if near:
        return ok(f"on; {near} of {len(members)} other members are heard in this network")
    return ok("on; no member is heard: none is in this network, or it carries no multicast, and nothing depends on it")
