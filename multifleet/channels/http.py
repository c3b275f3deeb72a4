"""HTTP straight to the peer's daemon, on every address that is known of it; the one that answered last goes first."""

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack
from typing import ClassVar

from multifleet.channels.base import Carried, ChannelError, Here, Parcel, Success, Target
from multifleet.channels.connections import Connections
from multifleet.channels.http_connection import Broken, in_words

CONNECT_SECONDS = 1.5
"""For each address while there are others to try."""

_UNSIGNED = {
    401: "the peer does not know this node, or not by this key",
    404: "something else than multifleet answers there",
    413: "the peer takes only smaller frames",
}


class _NotThere(Exception):
    """The peer certainly did not get the frame at this address."""


class HttpChannel:
    """P2."""

    name: ClassVar[str] = "http"

    def __init__(self, connections: Connections | None = None) -> None:
        self.connections = connections or Connections()
        self._best: dict[str, str] = {}
        self._shaky: dict[str, list[str]] = {}
        self._doubted: set[str] = set()

    async def start(self, stack: AsyncExitStack, here: Here) -> None:
        """Nothing to open yet; at the end all connections are closed."""
        stack.callback(self.connections.close)

    def reaches(self, target: Target) -> str:
        """There is a way wherever an address is known."""
        return "" if target.addresses else _no_address(target.node)

    async def deliver(self, target: Target, parcel: Parcel) -> Carried:
        """POST the frame to the first address where the peer answers."""
        self.connections.know(target.node, target.addresses)
        addresses = self._in_order(target)
        reasons = []
        for address in addresses:
            try:
                answer = await self._post(target.node, address, parcel.frame, hurry=len(addresses) > 1)
            except _NotThere as error:
                reasons.append(f"{address}: {error}")
                continue
            except (ChannelError, asyncio.CancelledError):
                self._demote(target.node, address)
                raise
            self._promote(target.node, address)
            return Carried(Success.ANSWERED, answer, address)
        raise ChannelError("; ".join(reasons) or _no_address(target.node))

    async def mend(self, target: Target) -> str:
        """Close what is kept, and think of all addresses alike again."""
        self._best.pop(target.node, None)
        self._shaky.pop(target.node, None)
        self._doubted.discard(target.node)
        closed = self.connections.let_go(target.node)
        return f"{closed} kept connections closed; every address is tried anew"

    def best(self, node: str) -> str | None:
        """The address that answered last."""
        return self._best.get(node)

    def _in_order(self, target: Target) -> Sequence[str]:
        if len(target.addresses) < 2:
            return target.addresses
        best, shaky = self._best.get(target.node), self._shaky.get(target.node, [])
        sound = [address for address in target.addresses if address not in shaky]
        return [
            *(address for address in sound if address == best),
            *(address for address in sound if address != best),
            *(address for address in shaky if address in target.addresses),
        ]

    def _promote(self, node: str, address: str) -> None:
        self._best[node] = address
        self._doubted.discard(node)
        if address in self._shaky.get(node, ()):
            self._shaky[node].remove(address)

    def _demote(self, node: str, address: str) -> None:
        """Whoever takes frames there and does not answer must not stand before the other addresses for ever."""
        if self._best.get(node) == address:
            if node not in self._doubted:
                self._doubted.add(node)  # it was the peer a moment ago: a lost answer, most likely
                return
            del self._best[node]
        shaky = self._shaky.setdefault(node, [])
        if address in shaky:
            shaky.remove(address)
        shaky.append(address)

    async def _post(self, node: str, address: str, frame: bytes, *, hurry: bool) -> bytes:
        try:
            async with self.connections.borrow(address, node, CONNECT_SECONDS if hurry else None) as connection:
                try:
                    status, answer = await connection.ask("/frames", frame)
                except (Broken, OSError) as error:
                    raise ChannelError(f"{address}: {error}", unknown=True) from None
                if answer.startswith(b"mf1 "):
                    return answer
                connection.close()
        except TimeoutError:
            raise _NotThere("no connection in time") from None
        except (OSError, ValueError) as error:
            raise _NotThere(in_words(error)) from None
        if status >= 500:
            told = f"the peer's daemon answered with an internal error (HTTP {status}): multifleet doctor there"
            raise ChannelError(f"{address}: {told}", unknown=True)
        raise _NotThere(_UNSIGNED.get(status, f"HTTP {status} without a signed answer"))


def _no_address(node: str) -> str:
    return (
        f"no address of {node} may be tried: name one in config.json (nodes.{node}.host); loopback addresses that it "
        "names itself are not tried"
    )
