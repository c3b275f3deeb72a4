"""The wires between the nodes of the demo: what one sends to another goes through here, and can be cut.

Each node listens at a place of its own and is known to the others by another one, at which this program takes what is
for it. A node whose wire is cut hears and answers heartbeats, and takes no connection.
"""

import asyncio
import errno
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field

from multifleet.demo.places import Place

PIECE = 65_536


class WireTaken(Exception):
    """Another program has taken a place since it was found free."""


@dataclass(eq=False)
class _Wire:
    """All that goes to one node."""

    public: Place
    inner: Place
    server: asyncio.Server | None = None
    datagrams: asyncio.DatagramTransport | None = None
    running: "set[asyncio.Task[None]]" = field(default_factory=set)


class Wires:
    """One for a demo."""

    def __init__(self, places: Mapping[str, tuple[Place, Place]]) -> None:
        """For each node, the place by which it is known and the one at which it listens."""
        self._wires = {node: _Wire(public, inner) for node, (public, inner) in places.items()}

    async def open(self, stack: AsyncExitStack) -> None:
        """Take what comes from now on; WireTaken where a place is not free any more."""
        stack.push_async_callback(self._close)
        try:
            for node, wire in self._wires.items():
                await self._open_datagrams(wire)
                await self.mend(node)
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
            raise WireTaken(f"{wire.public} is taken by another program") from None

    async def cut(self, node: str) -> None:
        """Break all connections to a node, and let in no other one."""
        wire = self._wires[node]
        if wire.server is not None:
            wire.server.close()
            wire.server = None
        for task in wire.running:
            task.cancel()
        if wire.running:
            await asyncio.wait(wire.running)

    async def mend(self, node: str) -> None:
        """Let connections to a node in."""
        wire = self._wires[node]
        if wire.server is None:
            wire.server = await asyncio.start_server(
                lambda reader, writer: self._connected(wire, reader, writer), wire.public.host, wire.public.port
            )

    async def _connected(self, wire: _Wire, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        wire.running.add(task)
        inner: asyncio.StreamWriter | None = None
        try:
            there, inner = await asyncio.open_connection(wire.inner.host, wire.inner.port)
            async with asyncio.TaskGroup() as group:
                group.create_task(_pass_on(reader, inner))
                group.create_task(_pass_on(there, writer))
        except (OSError, ExceptionGroup, asyncio.CancelledError):
            pass  # cut, or one of both ends is gone: so is the connection
        finally:
            for end in (writer, inner):
                if end is not None:
                    end.transport.abort()
                    with suppress(OSError):
                        await end.wait_closed()
            wire.running.discard(task)

    async def _open_datagrams(self, wire: _Wire) -> None:
        def take(data: bytes, source: tuple[str, int]) -> None:
            sender = next((one for one in self._wires.values() if (one.inner.host, one.inner.port) == source), None)
            if sender is not None and sender.datagrams is not None:
                sender.datagrams.sendto(data, (wire.inner.host, wire.inner.port))

        loop = asyncio.get_running_loop()
        wire.datagrams, _ = await loop.create_datagram_endpoint(
            lambda: _Datagrams(take), local_addr=(wire.public.host, wire.public.port)
        )

    async def _close(self) -> None:
        for node, wire in self._wires.items():
            await self.cut(node)
            if wire.datagrams is not None:
                wire.datagrams.close()


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, take: Callable[[bytes, tuple[str, int]], None]) -> None:
        self._take = take

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self._take(data, addr[:2])


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """All that comes, until it ends."""
    while piece := await reader.read(PIECE):
        writer.write(piece)
        await writer.drain()
    with suppress(OSError):
        writer.write_eof()
