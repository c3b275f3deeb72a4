"""NATS servers that are dead, silent, false or mad: nothing waits for them, nothing grows, nothing is told to them."""

import asyncio
import os
import resource
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from multifleet.channels.base import ChannelError, Success
from multifleet.channels.nats_process import NatsProcess, program
from multifleet.channels.nats_servers import Server
from multifleet.channels.nats_wire import Wire, WireError
from tests.channels.nats_fleet import Fleet
from tests.ports import free_port
from tests.starved import starved

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
INFO = b'INFO {"server_id":"x","version":"2.15.1","headers":true,"max_payload":1048576,"proto":1}\r\n'


@asynccontextmanager
async def server(serve: Serve) -> AsyncIterator[Server]:
    """Something that takes connections and does what it likes."""
    tasks = set()
    writers: list[asyncio.StreamWriter] = []

    async def each(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.add(asyncio.current_task())
        writers.append(writer)
        try:
            await serve(reader, writer)
        except (ConnectionError, asyncio.CancelledError):
            pass
        finally:
            writer.transport.abort()

    listening = await asyncio.start_server(each, "127.0.0.1", 0)
    try:
        yield Server(f"127.0.0.1:{listening.sockets[0].getsockname()[1]}", user="mac2", password="hunter2secret")
    finally:
        listening.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for writer in writers:
            writer.transport.abort()


async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """As a server does up to the first PONG."""
    writer.write(INFO)
    while b"PING" not in await reader.readline():
        pass
    writer.write(b"PONG\r\n")


async def test_where_nobody_listens_is_known_at_once() -> None:
    began = asyncio.get_running_loop().time()
    with pytest.raises(WireError, match=r"(?i)connect|refused"):
        await Wire.open(Server(f"127.0.0.1:{free_port()}"), "mac1")
    assert asyncio.get_running_loop().time() - began < 0.5


async def _silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()


async def _silent_after_info(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(INFO)
    await reader.read()
    await asyncio.sleep(60)


async def _endless_info(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"INFO ")
    while True:
        writer.write(b"x" * 65_536)
        await writer.drain()


@pytest.mark.beside_one
@pytest.mark.parametrize("serve", [_silent, _silent_after_info, _endless_info])
async def test_one_that_never_gets_done_is_left_in_time_and_nothing_stays(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("multifleet.channels.nats_wire.CONNECT_SECONDS", 0.5)
    async with server(serve) as bad:
        tasks = len(asyncio.all_tasks())
        began, before = asyncio.get_running_loop().time(), starved(os.getpid())
        with pytest.raises(WireError):
            await Wire.open(bad, "mac2")
        took = asyncio.get_running_loop().time() - began
        assert took - (starved(os.getpid()) - before) < 1.0
        async with asyncio.timeout(20):
            while len(asyncio.all_tasks()) > tasks + 1:  # noqa: ASYNC110
                await asyncio.sleep(0.01)


@pytest.mark.parametrize(
    "line",
    [b"HTTP/1.1 400 Bad Request\r\n", b"INFO {]\r\n", b"INFO []\r\n", b'INFO {"max_payload":"x"}\r\n', b"\xff\xfe\r\n"],
)
async def test_what_is_no_nats_server_is_told_in_words(line: bytes) -> None:
    async def other(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(line)
        await reader.read()

    async with server(other) as bad:
        with pytest.raises(WireError):
            await Wire.open(bad, "mac2")


async def test_a_server_that_leaves_out_tls_is_told_no_password() -> None:
    said = bytearray()

    async def downgrade(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(INFO)
        said.extend(await reader.read())

    async with server(downgrade) as bad:
        with pytest.raises(WireError, match="no TLS"):
            await Wire.open(Server(bad.name, encrypted=True, user="mac2", password="hunter2secret"), "mac2")
    assert b"hunter2" not in said


async def _floods(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await greet(reader, writer)
    while True:
        writer.write(b"MSG x 1 0\r\n\r\n" * 5_000)
        await writer.drain()


async def _one_endless_message(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await greet(reader, writer)
    writer.write(b"MSG x 1 99999999999\r\n")
    while True:
        writer.write(bytes(65_536))
        await writer.drain()


async def _one_endless_line(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await greet(reader, writer)
    while True:
        writer.write(b"MSG " * 16_384)
        await writer.drain()


@pytest.mark.parametrize("serve", [_floods, _one_endless_message, _one_endless_line])
async def test_a_server_that_floods_is_cut_off_and_memory_stays(serve: Serve) -> None:
    async with server(serve) as bad:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        wire = await Wire.open(bad, "mac2")
        longest = 0.0
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(10):
            while not wire.closed.is_set():
                began = loop.time()
                await asyncio.sleep(0.005)
                longest = max(longest, loop.time() - began)
        assert longest < 0.5, "the loop was blocked"
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 64 * 1024


async def test_a_server_that_stops_reading_and_answering_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("multifleet.channels.nats_wire.LIVE_SECONDS", 0.3)

    async def stalls(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await greet(reader, writer)
        await asyncio.sleep(60)

    async with server(stalls) as bad:
        wire = await Wire.open(bad, "mac2")
        with pytest.raises(WireError, match="no answer"):
            await wire.ask("mf.x", bytes(900_000), 0.3)
        for _ in range(20):
            await wire.say("mf.x", bytes(900_000))
        assert not await wire.live()
        with pytest.raises(WireError):
            await wire.ask("mf.x", b"", 0.3)


@pytest.mark.beside_one
async def test_being_cancelled_ends_a_question_at_once_though_the_library_may_swallow_it() -> None:
    async def stalls(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await greet(reader, writer)
        await asyncio.sleep(60)

    async with server(stalls) as bad:
        wire = await Wire.open(bad, "mac2")
        began, before = asyncio.get_running_loop().time(), starved(os.getpid())
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await wire.ask("mf.x", bytes(900_000), 3)
        took = asyncio.get_running_loop().time() - began
        assert took - (starved(os.getpid()) - before) < 0.3
        wire.abort("the test is over")


async def test_a_lying_server_gains_a_wrong_word_at_most(tmp_path: Path) -> None:
    """It answers in the peer's place, and says that it has queued what it has not: neither ends a message."""

    async def lies(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await greet(reader, writer)
        answers = b"0"
        while line := await reader.readline():
            words = line.split()
            if words[0] == b"PING":
                writer.write(b"PONG\r\n")
            elif words[0] == b"SUB" and words[1].endswith(b".*"):
                answers = words[-1]
            elif words[0] in (b"PUB", b"HPUB"):
                await reader.readexactly(int(words[-1]) + 2)
                said = b"mf1 forged" if words[1].endswith(b"rq.mac4") else b'{"stream":"OTHER","seq":1}'
                if words[1].endswith(b"rq.mac3"):
                    writer.write(b"HMSG %s %s 16 16\r\nNATS/1.0 503\r\n\r\n\r\n" % (words[2], answers))
                else:
                    writer.write(b"MSG %s %s %d\r\n%s\r\n" % (words[2], answers, len(said), said))

    fleet = Fleet(tmp_path, members=["mac2", "mac3", "mac4"])
    async with server(lies) as bad, fleet.node("mac2", natsUrl=f"nats://{bad.name}") as node:
        await node.connected()
        carried = await node.send("mac4", b"mf1 hello")
        assert carried.success is Success.ANSWERED and carried.answer == b"mf1 forged"  # for the node to check
        with pytest.raises(ChannelError, match="another stream"):
            await node.send("mac3", b"mf1 hello")


async def test_a_server_without_a_queue_does_all_the_rest(tmp_path: Path) -> None:
    found = program()
    assert found is not None
    (tmp_path / "plain.conf").write_text('{"host": "127.0.0.1", "port": -1}')
    process = await NatsProcess.start(found, tmp_path / "plain.conf")
    fleet = Fleet(tmp_path, chief=None, members=["mac1", "mac2"])
    url = f"nats://127.0.0.1:{process.port}"
    try:
        async with fleet.node("mac1", natsUrl=url) as first, fleet.node("mac2", natsUrl=url) as second:
            await first.connected(queue=False)
            await second.connected(queue=False)
            assert (await first.send("mac2", b"mf1 hello")).success is Success.ANSWERED
            async with asyncio.timeout(20):
                while not first.counted["nats_no_queue"]:  # noqa: ASYNC110
                    await asyncio.sleep(0.02)
            with pytest.raises(ChannelError, match="keeps no queue"):
                await first.send("mac3", b"mf1 hello")
            assert first.counted["nats_no_queue"] == 1
    finally:
        await process.stop()


async def test_a_server_that_is_never_there_is_told_once_and_is_no_broken_channel(tmp_path: Path) -> None:
    fleet = Fleet(tmp_path, chief=None, members=["mac1", "mac2"])
    async with fleet.node("mac1", natsUrl=f"nats://127.0.0.1:{free_port()}") as node:
        async with asyncio.timeout(30):
            while not node.counted["nats_not_connected"]:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        await asyncio.sleep(0.4)
        assert node.counted["nats_not_connected"] == 1
        assert "127.0.0.1" in node.channel.reaches(node.fleet_target("mac2"))
        with pytest.raises(ChannelError):
            await node.send("mac2", b"mf1 hello")
