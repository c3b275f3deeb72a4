"""Questions to relays: on the port that they keep for it, then on their usual one, and never through another relay."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import replace

import msgspec

from multifleet.channels.base import Carried, ChannelError, Here, Parcel, Target
from multifleet.channels.connections import Connections
from multifleet.channels.http import HttpChannel
from multifleet.config import DEFAULT_PORT, DEFAULT_RELAY_PORT, join_address, split_address
from multifleet.core.asks import Question

_inside: ContextVar[bool] = ContextVar("inside a question to or of a relay", default=False)


@contextmanager
def without_relays() -> Iterator[None]:
    """What is asked here goes through no relay: frames within frames would have no end."""
    token = _inside.set(True)
    try:
        yield
    finally:
        _inside.reset(token)


def relays_are_barred() -> bool:
    """Whether this is done for a relay, or by one."""
    return _inside.get()


class RelayLine:
    """One for the channel."""

    def __init__(self, here: Here, connections: Connections) -> None:
        self._here = here
        self._connections = connections
        # Not the channel that carries messages: which address is best is another question on this port.
        self._http = HttpChannel(connections)
        self._ports: dict[str, int] = {}

    async def ask(self, relay: Target, question: Question, seconds: float, *, stays: bool = False) -> msgspec.Struct:
        """What a relay tells; ChannelError where it does not in time. A question that `stays` open is asked on its own
        port each time, whichever one answered before: the usual one may be blocked while nobody notices."""
        http = HttpChannel(self._connections) if stays else self._http

        async def carry(target: Target, parcel: Parcel) -> Carried:
            return await http.deliver(replace(target, addresses=self.addresses(target)), parcel)

        with without_relays():
            return await self._here.ask_over(relay.node, question, seconds, carry)

    def told_port(self, relay: str, port: int) -> None:
        """A relay has said where else it listens; 0: nowhere."""
        self._ports[relay] = port

    def addresses(self, relay: Target) -> tuple[str, ...]:
        """Where it may be asked, the port of its own first: what is blocked on the other one is not in its way."""
        own: list[str] = []
        for address in relay.addresses:
            try:
                host, usual = split_address(address)
            except ValueError:
                continue
            # Unasked, only one that has the usual port is thought to have this one too: a machine may have several.
            port = self._ports.get(relay.node, DEFAULT_RELAY_PORT if usual == DEFAULT_PORT else 0)
            if port:
                own.append(join_address(host, port))
        return tuple(dict.fromkeys((*own, *relay.addresses)))

    async def renew(self, relay: Target) -> None:
        """Let go of what is remembered of a relay."""
        self._ports.pop(relay.node, None)
        await self._http.mend(relay)


def answered_by(relay: str, told: msgspec.Struct, form: type[msgspec.Struct]) -> None:
    """ChannelError where a relay told something else than it should."""
    if not isinstance(told, form):
        raise ChannelError(f"{relay} told something else than was asked", unknown=True)
