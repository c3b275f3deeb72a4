"""Where and as whom this node logs in to a peer over SSH: what the user's configuration says, and nothing by a peer's
word but further numeric addresses of it.

What is told here may reach a ProxyCommand of the user's own ~/.ssh/config, which a shell reads: so a name is checked
before it is used.
"""

import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass

from multifleet.channels.base import Target
from multifleet.config import split_address

_HOST = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:%-]{0,252}")
_USER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.@+-]{0,63}")


@dataclass(frozen=True, slots=True)
class Login:
    """One way to log in. An empty field is left to ~/.ssh/config, and then to what ssh does without it."""

    host: str
    user: str
    port: int | None = None
    key: str = ""
    """Path of a private key; empty: those of the user's agent and of ~/.ssh."""

    def __str__(self) -> str:
        return f"{self.user}@{self.host}" + (f":{self.port}" if self.port else "")


def why_no_login(target: Target) -> str:
    """Why there is no way to log in there, for a person; empty where there is one."""
    said = target.configured
    if not said.user:
        return f"no SSH login: give nodes.{target.node}.user (and host) in config.json"
    if not _USER.fullmatch(said.user):
        return f"nodes.{target.node}.user in config.json is no login name"
    wrong = [host for host in _configured_hosts(target) if not _HOST.fullmatch(host)]
    if wrong:
        return f"nodes.{target.node} in config.json names a host that is none"
    if not logins(target):
        return f"no host to log in to: give nodes.{target.node}.host in config.json"
    return ""


def logins(target: Target) -> list[Login]:
    """Every way to log in there: the hosts that are configured, then addresses at which the peer was heard."""
    said = target.configured
    heard = (split_address(address)[0] for address in numeric_addresses(target.addresses))
    hosts = dict.fromkeys([*_configured_hosts(target), *heard])
    return [Login(host, said.user, said.ssh_port, said.ssh_key) for host in hosts]


def _configured_hosts(target: Target) -> list[str]:
    said = target.configured
    return [host for host in (said.lan_ip, said.host, said.mdns_name, said.tailscale_ip) if host]


def numeric_addresses(addresses: Iterable[str]) -> list[str]:
    """Those of the "host:port" that are numbers and lead to another machine."""
    found = []
    for address in addresses:
        try:
            number = ipaddress.ip_address(split_address(address)[0])
        except ValueError:
            continue
        number = getattr(number, "ipv4_mapped", None) or number
        if not number.is_loopback and not number.is_unspecified and not number.is_multicast:
            found.append(address)
    return found
