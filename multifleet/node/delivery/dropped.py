"""Takes up frames that lie in drop/, where others of this user's processes put them while no daemon answered.

What is no frame of a member stays no longer than it takes to see that: it is set aside under drop/refused, where
nothing reads it, and counted.
"""

import asyncio
import os
from pathlib import Path

from multifleet.core.frame import FRAME_LIMIT
from multifleet.errors import StoreUnavailable
from multifleet.node.counters import Counters
from multifleet.node.delivery.receiving import Receiving
from multifleet.sessions.own_files import NotOurs, read_own_file

LOOK_EVERY = 2.0
"""Seconds."""
ENDING = ".frame"
AT_ONCE = 200


class Dropped:
    """One for the node."""

    def __init__(self, home: Path, receiving: Receiving, counters: Counters) -> None:
        self._folder = home / "drop"
        self._receiving = receiving
        self._counters = counters

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await self.take_up()
            await asyncio.sleep(LOOK_EVERY)

    async def take_up(self) -> None:
        """Take up what lies there now."""
        for path in await asyncio.to_thread(self._waiting):
            try:
                data = await asyncio.to_thread(read_own_file, path, FRAME_LIMIT)
            except FileNotFoundError:
                continue
            except (NotOurs, OSError) as error:
                self._refuse(path, error)
                continue
            status, _ = await self._receiving.take(data, "", "drop", at_rest=True)
            if status == 507:
                raise StoreUnavailable("nothing can be written now")
            if status in (200, 409):
                path.unlink(missing_ok=True)
            else:
                self._refuse(path, f"status {status}")

    def _waiting(self) -> list[Path]:
        try:
            names = sorted(name for name in os.listdir(self._folder) if name.endswith(ENDING))
        except FileNotFoundError:
            return []
        return [self._folder / name for name in names[:AT_ONCE] if not name.startswith(".")]

    def _refuse(self, path: Path, reason: object) -> None:
        self._counters.failed("drop_refused", reason=reason)
        aside = self._folder / "refused"
        try:
            aside.mkdir(mode=0o700, exist_ok=True)
            os.rename(path, aside / path.name)
        except OSError as error:
            self._counters.failed("drop_stuck", reason=error)
