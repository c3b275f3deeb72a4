"""Where the demo's nodes listen: three loopback addresses with one port, or one address with three ports.

It binds nothing that stays: the places were free a moment ago, and the daemons say so if that has changed.
"""

import errno
import socket
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from multifleet.config import DEFAULT_PORT

HOSTS = ("127.0.0.1", "127.0.0.2", "127.0.0.3")
TRIES = 20


class NoPlace(Exception):
    """There is nowhere to listen; the message says why."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where one node listens."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


def choose_places(hosts: Sequence[str] = HOSTS, wanted: int = DEFAULT_PORT) -> list[Place]:
    """A place for each host: all with the wanted port or else another free one; where only the first host
    exists (as on macOS), on that one with a port each."""
    if not all(map(_exists, hosts)):
        with ExitStack() as held:
            return [Place(hosts[0], _hold(held, hosts[0], 0)) for _ in hosts]
    for port in (wanted, *[0] * TRIES):
        with ExitStack() as held:
            try:
                first = _hold(held, hosts[0], port)
                return [Place(hosts[0], first)] + [Place(host, _hold(held, host, first)) for host in hosts[1:]]
            except OSError as error:
                if error.errno != errno.EADDRINUSE:
                    raise NoPlace(f"cannot listen on {hosts[0]}: {error.strerror}") from None
    raise NoPlace("no port is free on all loopback addresses: end some programs and try again")


def _exists(host: str) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        try:
            probe.bind((host, 0))
        except OSError:
            return False
    return True


def _hold(held: ExitStack, host: str, port: int) -> int:
    """The port once both TCP and UDP are bound to it; OSError where one is taken."""
    tcp = held.enter_context(socket.socket(socket.AF_INET, socket.SOCK_STREAM))
    tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    tcp.bind((host, port))
    bound: int = tcp.getsockname()[1]
    udp = held.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
    udp.bind((host, bound))
    return bound
