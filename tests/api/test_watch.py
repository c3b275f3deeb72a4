"""A deadline that moves."""

import asyncio

from multifleet.api.watch import Watch


class Strikes:
    """A watch of the running loop, and how often it struck."""

    def __init__(self) -> None:
        self.times: list[float] = []
        self.struck = asyncio.Event()
        self.watch = Watch(asyncio.get_running_loop(), self._strike)

    def _strike(self) -> None:
        self.times.append(asyncio.get_running_loop().time())
        self.struck.set()


async def test_it_strikes_once_when_its_time_is_over() -> None:
    strikes, begun = Strikes(), asyncio.get_running_loop().time()
    strikes.watch.set(0.05)
    await strikes.struck.wait()
    assert 0.04 < strikes.times[0] - begun < 1


async def test_moving_it_away_is_kept_although_the_timer_runs_out_earlier() -> None:
    strikes, begun = Strikes(), asyncio.get_running_loop().time()
    strikes.watch.set(0.02)
    strikes.watch.set(0.1)
    await strikes.struck.wait()
    assert strikes.times[0] - begun > 0.09


async def test_moving_it_nearer_takes_effect() -> None:
    strikes = Strikes()
    strikes.watch.set(3600)
    strikes.watch.set(0.01)
    await asyncio.wait_for(strikes.struck.wait(), 20)


async def test_a_cleared_one_is_silent_until_it_is_set_again() -> None:
    strikes = Strikes()
    strikes.watch.set(0.01)
    strikes.watch.clear()
    await asyncio.sleep(0.03)
    assert strikes.times == []
    strikes.watch.set(0.01)
    await strikes.struck.wait()


async def test_a_stopped_one_holds_no_timer() -> None:
    strikes = Strikes()
    strikes.watch.set(0.01)
    strikes.watch.stop()
    await asyncio.sleep(0.03)
    assert strikes.times == []
