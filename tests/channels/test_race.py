"""One way after the other: none waits for a silent one, and none is left behind."""

import asyncio

import pytest

from multifleet.channels.base import ChannelError
from multifleet.channels.race import first_of
from tests.node.fleet import until


class Ways:
    """Ways that end as their names say, and what became of them."""

    def __init__(self) -> None:
        self.begun: list[str] = []
        self.running: set[str] = set()
        self.failed: list[str] = []

    async def begin(self, way: str) -> str:
        self.begun.append(way)
        self.running.add(way)
        try:
            if way == "fails":
                raise ChannelError("no route")
            if way == "breaks":
                raise ValueError("a fault of ours")
            await asyncio.sleep(600 if way == "silent" else 0)
            return way
        finally:
            self.running.discard(way)

    def told(self, way: str, error: ChannelError) -> None:
        self.failed.append(f"{way}: {error}")


@pytest.mark.parametrize(
    ("ways", "silence", "brought", "begun"),
    [
        (["answers", "silent"], 60, "answers", ["answers"]),
        (["fails", "answers"], 60, "answers", ["fails", "answers"]),
        (["silent", "answers", "silent"], 0.01, "answers", ["silent", "answers"]),
        (["fails", "fails"], 60, None, ["fails", "fails"]),
        ([], 60, None, []),
    ],
)
async def test_the_first_that_brings_anything_ends_it(
    ways: list[str], silence: float, brought: str | None, begun: list[str]
) -> None:
    world = Ways()
    assert await first_of(ways, world.begin, silence, world.told) == brought
    assert (world.begun, world.running) == (begun, set())
    assert world.failed == ["fails: no route"] * begun.count("fails")


async def test_a_fault_ends_it_and_what_ran_beside_it() -> None:
    world = Ways()
    with pytest.raises(ValueError, match="a fault of ours"):
        await first_of(["silent", "breaks"], world.begin, 0.01, world.told)
    assert not world.running


async def test_whoever_gives_up_leaves_nothing_running() -> None:
    world = Ways()
    trying = asyncio.create_task(first_of(["silent", "silent"], world.begin, 0.005, world.told))
    await until(lambda: len(world.begun) == 2)
    trying.cancel()
    with pytest.raises(asyncio.CancelledError):
        await trying
    assert world.begun == ["silent", "silent"] and not world.running
