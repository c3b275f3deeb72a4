"""Is this node heard in the local network by itself, and does it hear the others. That it is not is seldom a fault:
multicast is switched off, or the network has none, and the members find each other by their cards.
"""

from typing import TYPE_CHECKING

from multifleet.core.sightings import Way
from multifleet.node.addresses import is_loopback
from multifleet.node.checks.finding import Finding, ok, warn
from multifleet.node.discovery.interfaces import NO_INTERFACE

if TYPE_CHECKING:
    from multifleet.node.node import Node

NOT_ASKED = ok("not asked: no daemon runs that would be heard")


def heard(node: "Node") -> Finding:
    """What multicast DNS does here, and how many of the members are heard by it."""
    mdns = node.discovery.mdns
    if not node.config.mdns:
        return ok("switched off: members are found by their cards, Tailscale and the configuration")
    if not node.listens or all(map(is_loopback, node.binds)):
        return ok("off: no other machine reaches this node")
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
