"""HTTP straight to the peer's daemon, on every address that is known of it; the one that answered last goes first."""

import asyncio
from contextlib import AsyncExitStack
from typing import ClassVar

import aiohttp

from multifleet.channels.base import Carried, ChannelError, Success, Target
from multifleet.core.frame import FRAME_LIMIT

IDLE_SECONDS = 40.0
"""Below the server's 45 s, so that the side that opened a connection is the one that closes it."""
CONNECTIONS_PER_PEER = 4
CONNECT_SECONDS = 1.5
"""For each address while there are others to try."""
ANSWER_LIMIT = 4 * FRAME_LIMIT

_UNSIGNED = {
    401: "the peer does not know this node, or not by this key",
    404: "something else than multifleet answers there",
    413: "the peer takes only smaller frames",
}


class NotThere(Exception):
    """Somebody else answers at an address: the peer certainly did not get the frame."""


_NOT_THERE = (
    aiohttp.ClientConnectorError,
    aiohttp.ConnectionTimeoutError,
    aiohttp.InvalidURL,
    ValueError,
    NotThere,
)


class HttpChannel:
    """P2."""

    name: ClassVar[str] = "http"

    def __init__(self) -> None:
        self._best: dict[str, str] = {}
        self._session: aiohttp.ClientSession

    async def start(self, stack: AsyncExitStack) -> None:
        """Open the connection pool."""
        connector = aiohttp.TCPConnector(
            limit=0, limit_per_host=CONNECTIONS_PER_PEER, keepalive_timeout=IDLE_SECONDS, ttl_dns_cache=10
        )
        session = aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            trust_env=False,
            skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding"),
            timeout=aiohttp.ClientTimeout(total=None),
        )
        self._session = await stack.enter_async_context(session)

    async def deliver(self, target: Target, frame: bytes) -> Carried:
        """POST the frame to the first address that takes a connection."""
        addresses = self._in_order(target)
        if not addresses:
            raise ChannelError(f"no address of {target.node} is known")
        reasons = []
        for address in addresses:
            connect = CONNECT_SECONDS if len(addresses) > 1 else None
            try:
                answer = await self._post(address, frame, connect)
            except _NOT_THERE as error:
                reasons.append(f"{address}: {_reason(error)}")
                continue
            self._best[target.node] = address
            return Carried(Success.ANSWERED, answer, address)
        raise ChannelError("; ".join(reasons))

    def best(self, node: str) -> str | None:
        """The address that answered last."""
        return self._best.get(node)

    def _in_order(self, target: Target) -> list[str]:
        best = self._best.get(target.node)
        return (
            [best, *(a for a in target.addresses if a != best)]
            if best in target.addresses
            else list(target.addresses)
        )

    async def _post(self, address: str, frame: bytes, connect: float | None) -> bytes:
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=connect)
        headers = {"Content-Type": "application/octet-stream"}
        try:
            async with self._session.post(
                f"http://{address}/frames",
                data=frame,
                headers=headers,
                timeout=timeout,
                allow_redirects=False,
            ) as response:
                answer = await _bounded(response)
        except _NOT_THERE:
            raise
        except (aiohttp.ClientError, OSError) as error:
            raise ChannelError(f"{address}: {_reason(error)}", unknown=True) from None
        if not answer.startswith(b"mf1 "):
            known = _UNSIGNED.get(response.status, f"HTTP {response.status} without a signed answer")
            if response.status >= 500:
                raise ChannelError(f"{address}: {known}", unknown=True)
            raise NotThere(known)
        return answer


async def _bounded(response: aiohttp.ClientResponse) -> bytes:
    answer = bytearray()
    async for chunk in response.content.iter_any():
        answer += chunk
        if len(answer) > ANSWER_LIMIT:
            raise aiohttp.ClientPayloadError("the answer is too large")
    return bytes(answer)


def _reason(error: BaseException) -> str:
    if isinstance(error, aiohttp.ClientConnectorError):
        return (
            (error.os_error.strerror or str(error.os_error)).lower() if error.os_error else "cannot connect"
        )
    if isinstance(error, asyncio.TimeoutError):
        return "no connection in time"
    return str(error) or type(error).__name__
