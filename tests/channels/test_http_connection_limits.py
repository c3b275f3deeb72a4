"""A peer that answers without end is left, before it has cost anything."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from multifleet.channels.http_connection import ANSWER_LIMIT, HEAD_BYTES, Broken, Connection

Say = Callable[[asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def answering(say: Say) -> AsyncIterator[Connection]:
    """A connection to somebody who answers so."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.readuntil(b"\r\n\r\n")
            await say(writer)
            await reader.read()
        except ConnectionError:
            pass  # it was hung up on, which is the point
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        connection = await Connection.connect(*server.sockets[0].getsockname()[:2], "peer")
        try:
            yield connection
        finally:
            connection.close()


async def test_an_endless_header_is_not_read_on() -> None:
    sent = 0

    async def endless(writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        writer.write(b"HTTP/1.1 200 OK\r\nX: ")
        while True:
            writer.write(b"x" * 4096)
            sent += 4096
            await writer.drain()

    async with answering(endless) as connection:
        with pytest.raises(Broken):
            async with asyncio.timeout(20):
                await connection.ask("/frames", b"frame")
    assert sent < 50 * 1024 * 1024


async def test_chunks_with_endless_framing_are_not_read_on() -> None:
    async def framing(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while True:
            writer.write(b"1;" + b"e" * 4096 + b"\r\nx\r\n")
            await writer.drain()

    async with answering(framing) as connection:
        with pytest.raises(Broken):
            async with asyncio.timeout(20):
                await connection.ask("/frames", b"frame")


@pytest.mark.parametrize("size", [10, HEAD_BYTES, 200_000, ANSWER_LIMIT])
async def test_an_answer_of_a_usual_size_is_read_whole(size: int) -> None:
    async def whole(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size + b"y" * size)
        await writer.drain()

    async with answering(whole) as connection, asyncio.timeout(20):
        assert await connection.ask("/frames", b"frame") == (200, b"y" * size)
