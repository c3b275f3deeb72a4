"""Numbers in a thread go on from the last one, wherever that is known."""

import asyncio

import pytest

from multifleet.node import threads as room
from multifleet.node.threads import Threads
from tests.node.fleet import Machines


async def test_a_thread_goes_on_where_the_store_left_it(fleet: Machines) -> None:
    machine, _ = fleet.add("mac1", "mac2")
    node = await machine.open()
    sent = await node.messages.send("mac2", "one", thread="t")
    threads = Threads(node.store)
    await threads.know("mac1\0mac2\0t")
    assert threads.tail("mac1\0mac2\0t") == (1, sent.id)
    await threads.know("mac1\0mac2\0new")
    assert threads.tail("mac1\0mac2\0new") == (0, None)


async def test_a_late_look_into_the_store_does_not_take_a_thread_back(fleet: Machines) -> None:
    node = await fleet.add("mac1")[0].open()
    threads = Threads(node.store)
    looking = asyncio.gather(*(threads.know("k") for _ in range(3)))
    await asyncio.sleep(0)
    threads.add("k", 5, "m5")
    await looking
    assert threads.tail("k") == (5, "m5")


async def test_only_so_many_threads_are_remembered(fleet: Machines, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "REMEMBERED", 3)
    threads = Threads((await fleet.add("mac1")[0].open()).store)
    for number in range(10):
        await threads.know(str(number))
        threads.add(str(number), 1, "m")
    assert threads.tail("9") == (1, "m")
    assert len(threads._tails) == 3
