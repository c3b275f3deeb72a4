"""An address that came or went is noticed once."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from multifleet.node.discovery import address_watch
from multifleet.node.discovery.address_watch import AddressWatch
from tests.node.discovery.heard import soon


@asynccontextmanager
async def watched(addresses: list[str]) -> AsyncIterator[list[int]]:
    times: list[int] = []
    watch = asyncio.create_task(AddressWatch(lambda: list(addresses), lambda: times.append(1)).run())
    await asyncio.sleep(0)
    try:
        yield times
    finally:
        watch.cancel()
        await asyncio.wait([watch])


async def test_where_the_kernel_says_nothing_it_is_looked_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(address_watch, "_netlink", lambda: None)
    monkeypatch.setattr(address_watch, "POLL_SECONDS", 0.01)
    addresses = ["192.0.2.1:1"]
    async with watched(addresses) as changes:
        await asyncio.sleep(0.05)
        assert changes == []
        addresses.append("192.0.2.2:1")
        await soon(lambda: changes)
        await asyncio.sleep(0.05)
        assert changes == [1]


async def test_a_notice_of_the_kernel_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    ours, kernels = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    ours.setblocking(False)
    monkeypatch.setattr(address_watch, "_netlink", lambda: ours)
    monkeypatch.setattr(address_watch, "SETTLE_SECONDS", 0.01)
    addresses = ["192.0.2.1:1"]
    with kernels:
        async with watched(addresses) as changes:
            kernels.send(b"an address came and went")
            await asyncio.sleep(0.05)
            assert changes == []
            addresses[0] = "192.0.2.2:1"
            kernels.send(b"an address came")
            await soon(lambda: changes)


@pytest.mark.skipif(not hasattr(socket, "AF_NETLINK"), reason="Linux only")
async def test_the_kernel_lets_this_user_listen() -> None:
    async with address_watch._notices() as notice:
        assert notice is not None
