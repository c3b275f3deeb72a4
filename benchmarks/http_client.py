"""A small HTTP/1.1 client over TCP or a Unix socket: kept connections, one request at a time on each."""

import asyncio
from pathlib import Path
from typing import cast

HEAD = b"POST %b HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: %b\r\nContent-Length: %d\r\n\r\n"


class Connection(asyncio.Protocol):
    """One kept connection; `answer` is the future of the request under way."""

    def __init__(self) -> None:
        self._received = b""
        self._answer: asyncio.Future[tuple[int, bytes]] | None = None
        self.open = True

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self.open = False
        if self._answer and not self._answer.done():
            self._answer.set_exception(exc or ConnectionResetError("closed before the answer came"))

    def data_received(self, data: bytes) -> None:
        self._received += data
        end = self._received.find(b"\r\n\r\n")
        if end < 0:
            return
        head = self._received[:end].lower()
        length = int(head.partition(b"content-length:")[2].partition(b"\r\n")[0])
        if len(self._received) < end + 4 + length:
            return
        body, self._received = self._received[end + 4 : end + 4 + length], b""
        if self._answer and not self._answer.done():
            self._answer.set_result((int(head[9:12]), body))

    async def post(self, path: bytes, body: bytes, content_type: bytes) -> tuple[int, bytes]:
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(HEAD % (path, content_type, len(body)) + body)
        return await self._answer

    def close(self) -> None:
        self._transport.close()


class Pool:
    """Connections to one place: (host, port) or the path of a Unix socket."""

    def __init__(self, place: tuple[str, int] | Path) -> None:
        self._place = place
        self._idle: list[Connection] = []

    async def post(
        self, path: bytes, body: bytes, content_type: bytes = b"application/octet-stream"
    ) -> tuple[int, bytes]:
        """Status and body of the answer; OSError when nobody answers."""
        while self._idle and not self._idle[-1].open:
            self._idle.pop()
        connection = self._idle.pop() if self._idle else await self._connect()
        answer = await connection.post(path, body, content_type)
        self._idle.append(connection)
        return answer

    async def _connect(self) -> Connection:
        loop = asyncio.get_running_loop()
        if isinstance(self._place, Path):
            return (await loop.create_unix_connection(Connection, str(self._place)))[1]
        return (await loop.create_connection(Connection, *self._place))[1]

    async def aclose(self) -> None:
        for connection in self._idle:
            connection.close()
