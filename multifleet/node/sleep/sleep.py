"""Sleep of this machine, from beginning to end: announced where the system says so, else concluded from its clocks."""

import asyncio
import sys
from collections.abc import Awaitable, Callable

from multifleet.core.sleep import Reading, SleepLog
from multifleet.node.counters import Counters
from multifleet.node.enduring import enduring
from multifleet.node.sleep.clock_gap import read_clocks
from multifleet.node.sleep.logind import Logind

EVERY = 1.0
"""Seconds between two looks at the clocks, and so until a sleep is noticed that nobody announced."""


class Sleep:
    """One for the node. `sleeping` is waited for before the machine sleeps, `woke` is told how long it slept."""

    def __init__(
        self,
        sleeping: Callable[[], Awaitable[None]],
        woke: Callable[[float], None],
        counters: Counters,
        *,
        readings: Callable[[], Reading] = read_clocks,
        every: float = EVERY,
        by_logind: bool = sys.platform == "linux",
    ) -> None:
        self._tell = sleeping
        self._woke = woke
        self._counters = counters
        self._readings = readings
        self._every = every
        self.by_logind = by_logind
        self._log = SleepLog(readings())
        self.logind = Logind(self._sleeping, self._resumed, counters)

    async def run(self) -> None:
        """Until cancelled."""
        self._log = SleepLog(self._readings())
        async with asyncio.TaskGroup() as group:
            group.create_task(enduring("clock gap", self._watch_clocks, self._counters), name="clock gap")
            if self.by_logind:
                group.create_task(enduring("logind", self.logind.run, self._counters), name="logind")

    async def _watch_clocks(self) -> None:
        while True:
            await asyncio.sleep(self._every)
            self._ended(self._log.passed(self._readings()))

    async def _sleeping(self) -> None:
        self._counters.count("sleep_announced")
        self._log.announced(self._readings())
        await self._tell()

    def _resumed(self) -> None:
        self._ended(self._log.resumed(self._readings()))

    def _ended(self, slept: float | None) -> None:
        if slept is not None:
            self._counters.count("slept")
            self._woke(slept)
