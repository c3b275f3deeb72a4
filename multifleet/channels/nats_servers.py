"""NATS servers as they are named: the user's own, from a list of URLs, or the chief's."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote, urlsplit

from multifleet.channels.nats_certificate import SERVER_NAME
from multifleet.config import join_address, split_address
from multifleet.core.nats_packets import NatsTold

SERVERS_LIMIT = 32


@dataclass(frozen=True, slots=True)
class Server:
    """One address to try, and how to log in there. Printed without what is secret."""

    name: str
    """ "host:port"."""
    encrypted: bool = False
    user: str = ""
    password: str = field(default="", repr=False)
    token: str = field(default="", repr=False)
    credentials: Path | None = None
    """The user's .creds file."""
    certificate: str = field(default="", repr=False)
    """PEM of whom to trust; empty: whom this system trusts."""
    tls_name: str = ""
    tls_first: bool = False

    @property
    def url(self) -> str:
        """Without what is secret."""
        return f"{'tls' if self.encrypted else 'nats'}://{self.name}"


def of_urls(urls: str, credentials: str = "", certificate: str = "") -> tuple[Server, ...]:
    """The servers of a list of URLs, divided by commas; ValueError says which is wrong, without quoting a password."""
    servers = tuple(
        _of_url(number, url.strip(), credentials, certificate)
        for number, url in enumerate(urls.split(","), 1)
        if url.strip()
    )
    if not servers or len(servers) > SERVERS_LIMIT:
        raise ValueError(f"it must name 1 to {SERVERS_LIMIT} servers")
    return servers


def _of_url(number: int, url: str, credentials: str, certificate: str) -> Server:
    try:
        split = urlsplit(url if "://" in url else f"nats://{url}")
    except ValueError:  # whose words would quote a password
        raise ValueError(f"URL {number} is none") from None
    if split.scheme not in ("nats", "tls"):
        raise ValueError(f"URL {number} must begin with nats:// or tls://")
    try:
        host, port = split.hostname or "", split.port or 4222
    except ValueError:
        raise ValueError(f"URL {number}: its port is no port number") from None
    if not re.fullmatch(r"[a-z0-9._-]+|[0-9a-f:.]+", host):
        raise ValueError(f"URL {number} names no host")
    user, password = unquote(split.username or ""), split.password
    return Server(
        join_address(host, port),
        encrypted=split.scheme == "tls" or bool(certificate),
        user=user if password is not None else "",
        password=unquote(password or ""),
        token="" if password is not None else user,
        credentials=Path(credentials).expanduser() if credentials else None,
        certificate=Path(certificate).expanduser().read_text() if certificate else "",
    )


def of_chief(told: NatsTold, node: str, addresses: Iterable[str]) -> tuple[Server, ...]:
    """The chief's server at each of the chief's addresses, as this node may come in there."""
    hosts = dict.fromkeys(split_address(address)[0] for address in addresses)
    return tuple(
        Server(
            join_address(host, told.port),
            encrypted=bool(told.certificate),
            user=node,
            password=told.password,
            certificate=told.certificate,
            tls_name=SERVER_NAME if told.certificate else "",
            tls_first=bool(told.certificate),
        )
        for host in list(hosts)[:SERVERS_LIMIT]
    )
