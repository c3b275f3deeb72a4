"""Where this node can be reached: the addresses of its interfaces, or those that it is told to advertise."""

import ipaddress
from collections.abc import Iterable
from functools import lru_cache

from multifleet.config import join_address, split_address

ANY = {"0.0.0.0", "::", ""}


def own_addresses(
    binds: Iterable[str], port: int, advertise: Iterable[str], tunnelled: Iterable[str] = ()
) -> list[str]:
    """ "host:port" of this node, IPv4 and global before link-local and loopback, for its card and its invitations.

    `tunnelled` are addresses at which a program of this machine takes connections for it.
    """
    told = [join_address(*split_address(address, port)) for address in advertise]
    if told:
        return told
    hosts = [host for host in binds if host not in ANY]
    if any(host in ANY for host in binds):
        hosts += _interfaces()
        hosts += tunnelled
    distinct = dict.fromkeys(hosts)
    usable = [host for host in distinct if not is_loopback(host)] or list(distinct) or ["127.0.0.1"]
    return [join_address(host, port) for host in sorted(usable, key=_rank)][:12]


def _interfaces() -> list[str]:
    import ifaddr

    found = []
    for adapter in ifaddr.get_adapters():
        for ip in adapter.ips:
            host = ip.ip if isinstance(ip.ip, str) else ip.ip[0]
            if not ipaddress.ip_address(host).is_link_local:
                found.append(host)
    return found


@lru_cache(8_192)
def is_loopback(host: str) -> bool:
    """Whether only this machine reaches it."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _rank(host: str) -> tuple[bool, bool]:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return (True, True)
    return (address.version == 6, address.is_loopback)
