"""A part that fails is told and run again, and ends when it is to end."""

import asyncio

import pytest

from multifleet.errors import StoreDamaged, StoreUnavailable
from multifleet.node import enduring as room
from multifleet.node.counters import Counters
from multifleet.node.enduring import enduring


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """No rest between two runs."""
    monkeypatch.setattr(room, "REST", 0.0)


async def test_a_part_that_fails_is_run_again_until_it_ends_by_itself() -> None:
    counters, errors = Counters(), [StoreUnavailable("full"), LookupError("secret words"), None]

    async def part() -> None:
        error = errors.pop(0)
        if error is not None:
            raise error

    await enduring("part", part, counters)
    assert counters.snapshot() == {"part_failed": 1, "part_waits_for_store": 1}


async def test_a_fault_is_told_by_kind_and_place_and_never_by_its_words(caplog: pytest.LogCaptureFixture) -> None:
    errors = [LookupError("what somebody wrote"), None]

    async def part() -> None:
        error = errors.pop(0)
        if error is not None:
            raise error

    await enduring("part", part, Counters())
    assert "LookupError" in caplog.text and "test_enduring.py:" in caplog.text
    assert "what somebody wrote" not in caplog.text


@pytest.mark.parametrize("error", [LookupError("x"), StoreUnavailable("x")])
async def test_a_part_that_fails_while_it_is_cancelled_ends(error: Exception) -> None:
    begun = asyncio.Event()

    async def faulty() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            raise error

    async def part() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(faulty())
            begun.set()

    task = asyncio.create_task(enduring("part", part, Counters()))
    await begun.wait()
    await asyncio.sleep(0)
    task.cancel()
    async with asyncio.timeout(2):
        await asyncio.wait([task])
    assert task.cancelled()


async def test_a_damaged_store_is_not_asked_again_every_second(monkeypatch: pytest.MonkeyPatch) -> None:
    rests: list[float] = []

    async def rest(seconds: float) -> None:
        rests.append(seconds)

    monkeypatch.setattr(asyncio, "sleep", rest)
    counters, errors = (
        Counters(),
        [StoreDamaged("the store is damaged: restart the daemon"), StoreUnavailable("x"), None],
    )

    async def part() -> None:
        error = errors.pop(0)
        if error is not None:
            raise error

    await enduring("part", part, counters)
    assert rests == [room.LONG_REST, room.REST]
    assert counters.snapshot() == {"part_waits_for_store": 2}
