"""Why a node announces nothing and hears nobody by multicast, where that is as it was configured."""

from collections.abc import Iterable

from multifleet.node.addresses import is_loopback


def why_off(is_wanted: bool, binds: Iterable[str]) -> str | None:
    """The reason in words; None where it should be on. `binds` are the addresses on which the node listens."""
    if not is_wanted:
        return '"mdns" is false in config.json; members are found by their cards, Tailscale and the configuration'
    hosts = list(binds)
    if not all(map(is_loopback, hosts)):
        return None
    where = f"on {', '.join(hosts)} only" if hosts else "nowhere"
    return f"this node listens {where}, where no other machine reaches it: see bind in config.json"
