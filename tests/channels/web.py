"""Small servers that behave as a peer's daemon does, well or badly."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from ssl import SSLContext

Reader, Writer = asyncio.StreamReader, asyncio.StreamWriter
ANSWER = b"mf1 an answer"


class Web:
    """One server on a free port of 127.0.0.1; counts connections, closed ones too, and keeps the requests."""

    def __init__(self, serve: Callable[["Web", Reader, Writer], Awaitable[None]]) -> None:
        self._serve = serve
        self.requests: list[bytes] = []
        self.heads: list[bytes] = []
        self.opened = 0
        self.closed = 0
        self.port = 0
        self._writers: set[Writer] = set()
        self.asked = asyncio.Event()

    @property
    def address(self) -> str:
        """host:port."""
        return f"127.0.0.1:{self.port}"

    async def connected(self, reader: Reader, writer: Writer) -> None:
        """One connection, until either side ends it."""
        self.opened += 1
        self._writers.add(writer)
        try:
            await self._serve(self, reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # the other side closed
        finally:
            writer.close()
            self._writers.discard(writer)
            self.closed += 1

    async def body(self, reader: Reader) -> bytes:
        """The body of the next request."""
        self.heads.append(await reader.readuntil(b"\r\n\r\n"))
        head = self.heads[-1].lower()
        length = int(head.split(b"content-length: ")[1].split(b"\r\n")[0])
        self.requests.append(await reader.readexactly(length))
        self.asked.set()
        return self.requests[-1]

    def hang_up(self) -> None:
        """Close all connections."""
        for writer in self._writers:
            writer.close()


def reply(body: bytes, status: str = "200 OK") -> bytes:
    """An HTTP answer."""
    return b"HTTP/1.1 %b\r\nContent-Length: %d\r\n\r\n%b" % (status.encode(), len(body), body)


async def answers(web: Web, reader: Reader, writer: Writer) -> None:
    """Every frame is answered."""
    while True:
        writer.write(reply(ANSWER + b" to " + await web.body(reader)))


async def is_silent(web: Web, reader: Reader, writer: Writer) -> None:
    """Frames are taken and never answered."""
    while True:
        await web.body(reader)


def says(answer: bytes) -> Callable[[Web, Reader, Writer], Awaitable[None]]:
    """Every request gets these bytes, and the connection ends."""

    async def serve(web: Web, reader: Reader, writer: Writer) -> None:
        await web.body(reader)
        writer.write(answer)
        await writer.drain()

    return serve


@asynccontextmanager
async def serving(
    serve: Callable[[Web, Reader, Writer], Awaitable[None]], ssl: SSLContext | None = None
) -> AsyncIterator[Web]:
    """A server, while the block runs."""
    web = Web(serve)
    server = await asyncio.start_server(web.connected, "127.0.0.1", 0, ssl=ssl)
    web.port = server.sockets[0].getsockname()[1]
    try:
        yield web
    finally:
        server.close()
        web.hang_up()
