"""One TCP address on which the daemon listens: opened once, and again where nothing answers there any more."""

import asyncio
from collections.abc import Callable
from typing import Self

from multifleet.api.listening import BACKLOG, Bound, answers, bind_tcp, stop_listening
from multifleet.config import join_address
from multifleet.errors import MultifleetError


class Listener:
    """Open from `open` until `close`."""

    def __init__(
        self, address: tuple[str, int], protocol: Callable[[], asyncio.Protocol], *, tells_health: bool
    ) -> None:
        self.address = address
        self._protocol = protocol
        self._tells_health = tells_health
        self._server: asyncio.Server | None = None

    @classmethod
    async def open(cls, bound: Bound, protocol: Callable[[], asyncio.Protocol], *, tells_health: bool) -> Self:
        """Listen on a socket that is bound already; `tells_health`: whether it can be asked for that."""
        listener = cls(bound[1], protocol, tells_health=tells_health)
        await listener._listen(bound)
        return listener

    async def renew(self) -> str:
        """Bind again where nothing answers; what was found or done, in words."""
        host, port = self.address
        where = join_address(host, port)
        if await answers(host, port, tells_health=self._tells_health):
            return f"the listener on {where} answers"
        await self.close()
        try:
            for bound in await bind_tcp([host], port):
                await self._listen(bound)
        except MultifleetError as error:
            return f"the listener on {where} does not answer, and cannot be bound again: {error}"
        return f"the listener on {where} did not answer and was bound again"

    async def close(self) -> None:
        """Take no more connections; those that are open stay."""
        server, self._server = self._server, None
        if server is not None:
            await stop_listening(server)

    async def _listen(self, bound: Bound) -> None:
        opened, _ = bound
        try:
            self._server = await asyncio.get_running_loop().create_server(self._protocol, sock=opened, backlog=BACKLOG)
        except BaseException:
            opened.close()
            raise
