"""The wires of the demo carry what is sent, and nothing once they are cut."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, suppress

import pytest

from multifleet.demo.places import Place, choose_places
from multifleet.demo.wires import Wires, WireTaken
from tests.channels.web import answers, serving


@pytest.fixture
async def stack() -> AsyncIterator[AsyncExitStack]:
    async with AsyncExitStack() as made:
        yield made


async def wired(stack: AsyncExitStack) -> tuple[Wires, Place]:
    """A server behind a wire, and the place by which it is known."""
    web = await stack.enter_async_context(serving(answers))
    public = choose_places(wanted=0)[0]
    wires = Wires({"gpu": (public, Place("127.0.0.1", web.port))})
    await wires.open(stack)
    return wires, public


async def asked(place: Place) -> bytes:
    """What is answered there; empty where nobody answers."""
    try:
        reader, writer = await asyncio.open_connection(place.host, place.port)
    except ConnectionError:
        return b""
    try:
        writer.write(b"POST /frames HTTP/1.1\r\nContent-Length: 5\r\n\r\nframe")
        return await reader.read(1_000)
    except ConnectionError:
        return b""
    finally:
        await end(writer)


async def end(writer: asyncio.StreamWriter) -> None:
    """Close it, and wait until it is closed."""
    writer.close()
    with suppress(ConnectionError):
        await writer.wait_closed()


async def test_what_goes_through_a_wire_arrives_until_it_is_cut_and_after_it_is_mended(stack: AsyncExitStack) -> None:
    wires, public = await wired(stack)
    assert b"frame" in await asked(public)
    await wires.cut("gpu")
    assert await asked(public) == b""
    await wires.mend("gpu")
    assert b"frame" in await asked(public)


async def test_a_cut_breaks_what_is_open(stack: AsyncExitStack) -> None:
    wires, public = await wired(stack)
    reader, writer = await asyncio.open_connection(public.host, public.port)
    writer.write(b"POST /frames HTTP/1.1\r\nContent-Length: 5\r\n\r\nframe")
    assert await reader.read(10)
    await wires.cut("gpu")
    async with asyncio.timeout(5):
        while await reader.read(1_000):
            pass  # what was under way
    await end(writer)


async def test_datagrams_come_from_where_their_sender_is_known(stack: AsyncExitStack) -> None:
    publics, inners = choose_places(wanted=0), choose_places(wanted=0)
    names = ("laptop", "mini", "gpu")
    await Wires(dict(zip(names, zip(publics, inners, strict=True), strict=True))).open(stack)
    laptop, mini = (stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) for _ in range(2))
    for wire, place in ((laptop, inners[0]), (mini, inners[1])):
        wire.bind((place.host, place.port))
        wire.setblocking(False)
    laptop.sendto(b"ping", (publics[1].host, publics[1].port))
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(5):
        assert await loop.sock_recvfrom(mini, 100) == (b"ping", (publics[0].host, publics[0].port))


async def test_a_place_that_is_taken_is_told(stack: AsyncExitStack) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        place = Place(*taken.getsockname())
        with pytest.raises(WireTaken, match=str(place)):
            await Wires({"gpu": (place, place)}).open(stack)
