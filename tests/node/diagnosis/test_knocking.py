"""How connections end, seen at small real servers."""

import asyncio
import errno
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from multifleet.core.diagnosis.evidence import Connect, Greeting, Store
from multifleet.node.checks import disk
from multifleet.node.diagnosis import knocking
from multifleet.node.diagnosis.straight import Straight
from multifleet.node.diagnosis.telling import store_state


@asynccontextmanager
async def saying(words: bytes) -> AsyncIterator[str]:
    """A server that says this to whoever connects, and closes; the address of it. No words: it waits."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(words)
        if not words:
            await reader.read()
            await reader.read()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"


@pytest.mark.parametrize(
    ("said", "greeting"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok\n", Greeting.OK),
        (b'HTTP/1.1 200 OK\r\n\r\n{"ok":true,"node":"mac2"}', Greeting.OK),
        (b"HTTP/1.1 404 Not Found\r\n\r\nok\n", Greeting.ELSE),
        (b"SSH-2.0-OpenSSH_9.6\r\n", Greeting.ELSE),
        (b"x" * 100_000, Greeting.ELSE),
        (b"", Greeting.MUTE),
    ],
)
async def test_what_answers_at_an_open_port_is_told_apart(
    said: bytes, greeting: Greeting, monkeypatch: pytest.MonkeyPatch
) -> None:
    if greeting is Greeting.MUTE:
        monkeypatch.setattr(knocking, "GREETING_SECONDS", 0.2)
    async with saying(said) as address:
        (found,) = await knocking.knock_all([address], greet=True)
    assert (found.end, found.greeting) == (Connect.OPEN, greeting)


async def test_ends_without_a_connection_are_told_apart() -> None:
    with socket.socket() as silent:  # it has the port, so that nobody else listens there, and does not listen
        silent.bind(("127.0.0.1", 0))
        assert (await knocking.knock(f"127.0.0.1:{silent.getsockname()[1]}")).end is Connect.REFUSED
    assert (await knocking.knock("no address at all")).end is Connect.SILENT
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full:
        address = f"127.0.0.1:{full.getsockname()[1]}"
        with socket.create_connection(full.getsockname()), socket.socket() as second:
            second.setblocking(False)
            second.connect_ex(full.getsockname())
            assert (await knocking.knock(address, 0.2)).end is Connect.SILENT


async def test_a_nats_server_is_known_by_its_first_words() -> None:
    async with saying(b'INFO {"server_id":"x"}\r\n') as address:
        assert await knocking.speaks_nats(address) == (Connect.OPEN, True)
    async with saying(b"HTTP/1.1 200 OK\r\n\r\n") as address:
        assert await knocking.speaks_nats(address) == (Connect.OPEN, False)


async def test_only_what_comes_straight_is_noted() -> None:
    straight = Straight(lambda: 5.0)
    for remote in ("", "relay mac3", "drop"):
        straight.note("mac2", remote)
    assert straight.last("mac2") is None
    waiting = asyncio.create_task(straight.after("mac2", 4.0, 5))
    await asyncio.sleep(0)
    straight.note("mac2", "192.0.2.7:8855")
    assert await waiting and straight.last("mac2") == (5.0, "192.0.2.7:8855")
    assert not await straight.after("mac2", 5.0, 0.01)


@pytest.mark.parametrize(
    ("number", "state"),
    [
        (errno.ENOSPC, Store.FULL),
        (errno.EDQUOT, Store.FULL),
        (errno.EROFS, Store.READ_ONLY),
        (errno.EMFILE, Store.OK),  # no fault of the disk
    ],
)
async def test_a_disk_is_called_full_only_where_it_is(
    number: int, state: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(home: Path) -> None:
        raise OSError(number, "no")

    write: Callable[[Path], None] = fail
    monkeypatch.setattr(disk, "write_there", write)
    assert await store_state(tmp_path, None, write=True) is state
    assert await store_state(tmp_path, None, write=False) is Store.OK
    assert await store_state(tmp_path, "the disk is full: free some space", write=True) is Store.FULL
    assert await store_state(tmp_path, "out of memory: free some", write=True) is Store.BROKEN
