"""A sleep is told once, by whoever notices it first."""

import asyncio
from dataclasses import dataclass

from multifleet.core.sleep import Reading
from multifleet.node.counters import Counters
from multifleet.node.sleep.clock_gap import read_clocks
from multifleet.node.sleep.sleep import Sleep
from tests.node.discovery.heard import soon


@dataclass
class Machine:
    """Clocks that the test sets."""

    running: float = 0.0
    through: float = 0.0

    def reading(self) -> Reading:
        return Reading(self.running, self.through)


async def test_a_gap_between_the_clocks_is_told_once() -> None:
    machine, told = Machine(), []

    async def sleeping() -> None:
        raise AssertionError("nobody announced it")

    sleep = Sleep(sleeping, told.append, Counters(), readings=machine.reading, every=0.01, by_logind=False)
    running = asyncio.create_task(sleep.run())
    await asyncio.sleep(0.05)
    assert told == []
    machine.running, machine.through = 1.0, 3_601.0
    await soon(lambda: told)
    await asyncio.sleep(0.05)
    assert told == [3_600.0]
    running.cancel()
    await asyncio.wait([running])


async def test_what_logind_announces_is_not_told_again_from_the_clocks() -> None:
    machine, told = Machine(), []
    announced = []

    async def sleeping() -> None:
        announced.append(True)

    counters = Counters()
    sleep = Sleep(sleeping, told.append, counters, readings=machine.reading, every=0.01, by_logind=False)
    running = asyncio.create_task(sleep.run())
    await asyncio.sleep(0.03)
    await sleep._sleeping()
    machine.through = 600.0
    sleep._resumed()
    await asyncio.sleep(0.03)
    assert (announced, told) == ([True], [600.0])
    assert counters.snapshot() == {"sleep_announced": 1, "slept": 1}
    running.cancel()
    await asyncio.wait([running])


def test_the_clocks_of_this_machine_are_read_close_to_each_other() -> None:
    first, second = read_clocks(), read_clocks()
    assert abs((second.through - first.through) - (second.running - first.running)) < 1.0
