"""Work beside a loop, one for each key."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest

from multifleet.node.native.keyed_tasks import KeyedTasks


@pytest.fixture
async def tasks() -> AsyncIterator[KeyedTasks[str]]:
    """Running."""
    tasks: KeyedTasks[str] = KeyedTasks()
    running = asyncio.create_task(tasks.run())
    await asyncio.sleep(0)
    yield tasks
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running
    assert not tasks and not tasks.is_running


async def test_work_that_has_ended_makes_room_for_more(tasks: KeyedTasks[str]) -> None:
    for _ in range(2):
        done = asyncio.Event()
        tasks.start("a", _set(done), "work")
        assert "a" in tasks and "b" not in tasks
        await done.wait()
        await asyncio.sleep(0)
        assert not tasks


async def test_what_is_given_up_makes_room_at_once_and_its_end_does_not_end_the_next(tasks: KeyedTasks[str]) -> None:
    tasks.start("a", _forever(), "first")
    await asyncio.sleep(0)
    tasks.give_up("a")
    tasks.start("a", _forever(), "second")
    for _ in range(3):
        await asyncio.sleep(0)
    assert "a" in tasks and len(tasks) == 1


async def test_before_it_runs_it_takes_no_work() -> None:
    tasks: KeyedTasks[str] = KeyedTasks()
    assert not tasks.is_running
    tasks.give_up("a")


async def _set(done: asyncio.Event) -> None:
    done.set()


async def _forever() -> None:
    await asyncio.Event().wait()
