"""A member with its login takes neither all connections of the chief's NATS server nor the memory of its machine."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, closing
from pathlib import Path

import pytest

from multifleet.channels import nats_config
from multifleet.channels.nats_config import password
from tests.channels.nats_fleet import Fleet, Node

FLEET = "f" * 32
MANY = 24
"""Connections; more than a login may have."""


@pytest.fixture
async def pair(tmp_path: Path) -> AsyncIterator[tuple[Node, Node]]:
    """mac1, the chief, and mac2; mac3 is a member that means ill."""
    fleet = Fleet(tmp_path, members=["mac1", "mac2", "mac3"])
    async with fleet.node("mac1") as first, fleet.node("mac2") as second:
        await first.connected()
        await second.connected()
        yield first, second


class Deaf:
    """A connection of mac3 that hears what is said to mac3 many times over, and reads nothing after that."""

    def __init__(self, host: Node, stack: AsyncExitStack, subscriptions: int) -> None:
        process = host.channel._host.process
        assert process is not None
        self.socket = stack.enter_context(closing(socket.socket()))
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        self.socket.settimeout(5)
        self.socket.connect(("127.0.0.1", process.port))
        secret = (host.home / "nats" / "secret").read_bytes()
        login = {"user": "mac3", "pass": password(secret, "mac3", host.fleet_target("mac3").key), "protocol": 1}
        subjects = b"".join(b"SUB mf.%s.rq.mac3 %d\r\n" % (FLEET.encode(), n) for n in range(subscriptions))
        self.socket.sendall(b"CONNECT %s\r\n%sPING\r\n" % (json.dumps(login | {"verbose": False}).encode(), subjects))

    def is_in(self) -> bool:
        """Whether the server let it in."""
        said = b""
        try:
            while b"PONG" not in said and (piece := self.socket.recv(4_096)):
                said += piece
        except ConnectionError:
            pass
        return b"PONG" in said

    def is_over(self) -> bool:
        """Whether the server has ended it; reads on."""
        try:
            while self.socket.recv(1 << 20):
                pass
        except TimeoutError:
            return False
        except ConnectionError:
            pass
        return True


def peak(host: Node) -> int:
    """The most megabytes that the server has ever had."""
    process = host.channel._host.process
    assert process is not None
    lines = Path(f"/proc/{process.pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) // 1024


async def flood(sender: Node) -> None:
    """Megabytes for mac3, as fast as they go."""
    wire = sender.channel._wire
    for _ in range(2 * MANY):
        if wire is not None:
            await wire.say(f"mf.{FLEET}.rq.mac3", bytes(1_000_000))


async def test_connections_that_read_nothing_do_not_fill_the_memory_of_the_chief(pair: tuple[Node, Node]) -> None:
    host, other = pair
    async with AsyncExitStack() as stack:
        deaf = [await asyncio.to_thread(Deaf, host, stack, 8) for _ in range(nats_config.LOGIN_CONNECTIONS)]
        assert all([await asyncio.to_thread(one.is_in) for one in deaf])
        await flood(other)
        assert [await asyncio.to_thread(one.is_over) for one in deaf] == [True] * len(deaf)
    assert peak(host) < 64 + nats_config.LOGIN_CONNECTIONS * nats_config.PENDING_BYTES / 1e6
    assert (await other.send("mac1", b"mf1 honest")).answer.endswith(b"honest")


async def test_a_login_with_too_many_connections_is_put_out_and_others_come_in(pair: tuple[Node, Node]) -> None:
    host, other = pair
    async with AsyncExitStack() as stack:
        deaf = [await asyncio.to_thread(Deaf, host, stack, 1) for _ in range(MANY)]
        async with asyncio.timeout(20):
            while not host.counted["nats_login_barred"]:  # noqa: ASYNC110
                await asyncio.sleep(0.02)
            assert "too many connections" in (await host.channel._host.told("mac3")).problem
            assert all([await asyncio.to_thread(one.is_over) for one in deaf])
            assert await asyncio.to_thread(Deaf(host, stack, 1).is_over)
    assert host.counted["nats_login_barred"] == 1
    assert other.channel._wire is not None and not other.channel._wire.closed.is_set()
    async with asyncio.timeout(20), host.fleet.node("mac4") as fourth:
        await fourth.connected(queue=False)
        assert (await fourth.send("mac1", b"mf1 honest")).answer.endswith(b"honest")


async def test_after_a_while_it_comes_in_again(pair: tuple[Node, Node], monkeypatch: pytest.MonkeyPatch) -> None:
    host, _ = pair
    monkeypatch.setattr("multifleet.channels.nats_host.BARRED_SECONDS", 0.3)
    await host.channel._host._bar("mac3", 7)
    async with AsyncExitStack() as stack:
        assert not await asyncio.to_thread(Deaf(host, stack, 1).is_in)
        async with asyncio.timeout(20):
            while not await asyncio.to_thread(Deaf(host, stack, 1).is_in):  # noqa: ASYNC110
                await asyncio.sleep(0.05)


async def test_nobody_speaks_to_itself_by_way_of_the_server(pair: tuple[Node, Node]) -> None:
    _, other = pair
    for subject in (f"mf.{FLEET}.rq.mac2", f"mf.{FLEET}.q.mac2.mac2"):
        wire = other.channel._wire
        assert wire is not None
        await wire.say(subject, b"mf1 to myself")
        assert await wire.live()
        assert "permissions violation" in wire.why.lower()
    assert other.got == []
