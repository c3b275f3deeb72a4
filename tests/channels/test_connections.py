"""To one peer there are never more than four connections, whoever asks for them and whatever becomes of them."""

import asyncio
import contextlib
import os
import random
import socket
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from multifleet.channels.base import ChannelError, Parcel, Target
from multifleet.channels.connections import CONNECTIONS_TO_A_PEER, Connections
from multifleet.channels.http import HttpChannel
from multifleet.errors import PeerUnreachable
from multifleet.node.roster.door import post_first
from tests.channels.web import Reader, Web, Writer, answers, is_silent, says, serving
from tests.ports import free_port

FRAME = b"mf1 a frame"
OPEN = frozenset({"01", "02", "03"})
"""As the kernel numbers them: established, and both kinds of being opened."""


class Herd:
    """Counts, whenever one comes to the peer, all connections that lead there."""

    def __init__(self) -> None:
        self.most = 0
        self.ports: set[int] = set()

    def look(self) -> None:
        """By the kernel's word: this is the same thread as the client's, so nothing changes meanwhile. Other processes
        may knock at these ports too, which were somebody else's before."""
        rows = (line.split() for line in Path("/proc/self/net/tcp").read_text().splitlines()[1:])
        there = {f"0100007F:{port:04X}" for port in self.ports}
        now = {f"socket:[{row[9]}]" for row in rows if row[3] in OPEN and row[2] in there}
        self.most = max(self.most, len(now & own_files()))

    async def serve(self, web: Web, reader: Reader, writer: Writer) -> None:
        """As a daemon under load: an answer now and then breaks off, or takes its time."""
        chance = random.Random(web.opened)
        self.look()
        while True:
            await web.body(reader)
            await asyncio.sleep(chance.choice((0.0, 0.0, 0.003, 0.01)))
            if chance.random() < 0.1:
                return
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\nmf1 an answer")

    def at(self, webs: Iterable[Web]) -> list[str]:
        """The addresses of the peer; looked at from now on."""
        webs = list(webs)
        self.ports |= {web.port for web in webs}
        return [web.address for web in webs]


def own_files() -> set[str]:
    """What this process has open, by the kernel's names."""
    found = set()
    for number in os.listdir("/proc/self/fd"):
        with contextlib.suppress(FileNotFoundError):
            found.add(os.readlink(f"/proc/self/fd/{number}"))
    return found


@pytest.fixture
async def connections() -> AsyncIterator[Connections]:
    """Closed at the end."""
    made = Connections()
    yield made
    made.close()


PATIENT = 20.0
"""Seconds that a crowd may take on a busy machine."""


async def deliver(channel: HttpChannel, addresses: Iterable[str], node: str = "mac2") -> bool:
    """Whether a frame was answered; like every user, it has a deadline."""
    try:
        async with asyncio.timeout(PATIENT):
            await channel.deliver(Target(node, tuple(addresses)), Parcel(FRAME))
    except (ChannelError, TimeoutError):
        return False
    return True


async def test_many_users_of_every_kind_at_all_addresses_of_a_peer_at_once(connections: Connections) -> None:
    herd, channel, chance = Herd(), HttpChannel(connections), random.Random(1)
    async with AsyncExitStack() as stack:
        addresses = herd.at([await stack.enter_async_context(serving(herd.serve)) for _ in range(3)])
        connections.know("mac2", tuple(addresses))

        async def knock(node: str | None) -> None:
            with contextlib.suppress(PeerUnreachable):  # an answer may break off
                await post_first(connections, node, chance.sample(addresses, 3), b"hello")

        async with asyncio.TaskGroup() as group:
            frames = [
                group.create_task(deliver(channel, chance.sample(addresses, 3))) for _ in range(100)
            ]
            for number in range(20):
                group.create_task(knock("mac2" if number % 2 else None))
            for impatient in chance.sample(frames, 20):
                asyncio.get_running_loop().call_later(chance.uniform(0.0, 0.05), impatient.cancel)
        assert herd.most == CONNECTIONS_TO_A_PEER
        assert sum(not frame.cancelled() and frame.result() for frame in frames) > 50
        for address in addresses:
            assert await deliver(channel, [address]) or await deliver(channel, [address]), "no place was lost"
        assert herd.most == CONNECTIONS_TO_A_PEER


async def test_what_is_kept_for_one_address_makes_room_for_another_one(connections: Connections) -> None:
    herd, channel = Herd(), HttpChannel(connections)
    async with serving(herd.serve) as old, serving(herd.serve) as new:
        herd.at([old, new])
        await asyncio.gather(*(deliver(channel, [old.address]) for _ in range(20)))
        done = await asyncio.gather(*(deliver(channel, [new.address]) for _ in range(20)))
        assert any(done)
        assert herd.most <= CONNECTIONS_TO_A_PEER


async def test_those_that_are_being_opened_count(connections: Connections) -> None:
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)  # one is let in, and those after it hang in being opened
        port = full.getsockname()[1]
        herd, channel = Herd(), HttpChannel(connections)
        herd.ports.add(port)
        users = [asyncio.create_task(deliver(channel, [f"127.0.0.1:{port}"])) for _ in range(20)]
        await asyncio.sleep(0.05)  # the time in which a herd would come
        herd.look()
        assert herd.most == CONNECTIONS_TO_A_PEER
        for user in users:
            user.cancel()
        await asyncio.wait(users)


async def test_who_knocks_at_an_unknown_door_counts_once_it_is_known_whose_it_is(connections: Connections) -> None:
    herd, channel = Herd(), HttpChannel(connections)
    async with serving(is_silent) as web:
        (address,) = herd.at([web])
        knocks = [asyncio.create_task(post_first(connections, None, [address], b"hello")) for _ in range(3)]
        await web.asked.wait()
        frames = [asyncio.create_task(deliver(channel, [address])) for _ in range(10)]
        await asyncio.sleep(0.05)  # the time in which a herd would come
        herd.look()
        assert herd.most == CONNECTIONS_TO_A_PEER
        for task in [*knocks, *frames]:
            task.cancel()
        await asyncio.wait([*knocks, *frames])


async def test_a_peer_that_says_nothing_holds_up_its_own_users_alone_and_none_beyond_its_deadline(
    connections: Connections,
) -> None:
    channel = HttpChannel(connections)
    async with serving(is_silent) as silent, serving(answers) as web:
        stuck = [asyncio.create_task(deliver(channel, [silent.address])) for _ in range(10)]
        await silent.asked.wait()
        assert await deliver(channel, [web.address], "mac3")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05), connections.borrow(silent.address, "mac2"):
                pass
        for task in stuck:
            task.cancel()
        await asyncio.wait(stuck)
        silent._serve = answers
        assert await deliver(channel, [silent.address]), "whoever gave up left its place"


@pytest.mark.parametrize("answer", [b"", b"not HTTP at all\r\n\r\n"])
async def test_a_place_is_free_again_whatever_became_of_its_connection(connections: Connections, answer: bytes) -> None:
    channel = HttpChannel(connections)
    async with serving(says(answer)) as broken, serving(answers) as web:
        for _ in range(2 * CONNECTIONS_TO_A_PEER):
            assert not await deliver(channel, [f"127.0.0.1:{free_port()}"])
            assert not await deliver(channel, ["no address"])
            assert not await deliver(channel, [broken.address])
        assert await deliver(channel, [web.address])


async def test_a_connection_is_kept_for_its_time_after_its_last_use_and_never_closed_while_it_is_used(
    connections: Connections, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("multifleet.channels.connections.IDLE_SECONDS", 0.02)
    over, closed = asyncio.Event(), asyncio.Event()

    async def serve(web: Web, reader: Reader, writer: Writer) -> None:
        await reader.read()
        closed.set()

    async with serving(serve) as web:
        async with connections.borrow(web.address, "mac2") as first:
            pass
        async with connections.borrow(web.address, "mac2") as again:
            asyncio.get_running_loop().call_later(0.06, over.set)
            await over.wait()
            assert again is first and again.is_open and not closed.is_set()
        await closed.wait()
        assert not again.is_open and web.opened == 1
