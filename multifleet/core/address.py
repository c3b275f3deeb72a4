"""Addresses as text. What may be connected to is decided elsewhere."""


def host_of(address: str) -> str:
    """The host of "host:port" or of a host alone, without the brackets of IPv6."""
    is_alone = address.endswith("]") or (address.count(":") > 1 and not address.startswith("["))
    host, colon, _ = ("", "", "") if is_alone else address.rpartition(":")
    return (host if colon else address).strip("[]")
