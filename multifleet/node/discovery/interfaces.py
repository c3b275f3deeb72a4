"""Which interfaces of this machine carry multicast to other machines."""

import ipaddress

INTERFACES_LIMIT = 16
NO_INTERFACE = "no network interface is up"


def multicast_interfaces() -> list[str | int]:
    """An IPv4 address, or where there is none the index, of each interface but loopback."""
    import ifaddr

    by_address: list[str | int] = []
    by_index: list[str | int] = []
    for adapter in ifaddr.get_adapters():
        addresses = [ipaddress.ip_address(ip.ip if isinstance(ip.ip, str) else ip.ip[0]) for ip in adapter.ips]
        usable = [address for address in addresses if not address.is_loopback]
        four = next((str(address) for address in usable if address.version == 4), None)
        if four is not None:
            by_address.append(four)
        elif any(not address.is_link_local for address in usable) and adapter.index is not None:
            by_index.append(adapter.index)
    return [*by_address, *by_index][:INTERFACES_LIMIT]
