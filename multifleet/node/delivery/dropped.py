"""Takes up frames that lie in drop/, where peers leave them over SFTP, and this user's processes while no daemon
answered. Its file's name says by which way a frame came; whose it is, only what is signed.

What is no frame of a member stays no longer than it takes to see that: it is set aside under drop/refused, where
nothing reads it, and counted; what is too much there goes, the oldest first.
"""

import asyncio
import os
import time
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path

from multifleet.core.drop import ASIDE, ENDING, way_of
from multifleet.core.frame import FRAME_LIMIT, read_header
from multifleet.node.counters import Counters
from multifleet.node.delivery.receiving import Receiving
from multifleet.node.delivery.refused import set_aside, tidy
from multifleet.sessions.own_files import NotOurs, read_own_file

LOOK_EVERY = 0.5
"""Seconds."""
AT_ONCE = 200
NO_ROOM, NO_ROOM_WAIT = 507, 3.0
"""How a frame is answered that cannot be written now, and the seconds until it is tried again."""
UNFINISHED = 600.0
"""Seconds after which a file that is still being written is given up."""
TIDY_EVERY = 60.0


class Dropped:
    """One for the node."""

    def __init__(
        self, home: Path, receiving: Receiving, counters: Counters, visited: Callable[[str], Awaitable[None]]
    ) -> None:
        """`visited`: a peer was here, and its frames are taken up."""
        self._folder = home / "drop"
        self._refused = self._folder / "refused"
        self._receiving = receiving
        self._counters = counters
        self._visited = visited
        self._tidied = float("-inf")
        self._is_untidy = True
        self._later: dict[Path, float] = {}

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await self.take_up()
            await asyncio.sleep(LOOK_EVERY)

    async def take_up(self) -> None:
        """Take up what lies there now."""
        visitors: dict[str, None] = {}
        for path in await asyncio.to_thread(self._waiting):
            try:
                data = await asyncio.to_thread(read_own_file, path, FRAME_LIMIT)
            except FileNotFoundError:
                continue
            except (NotOurs, OSError) as error:
                self._refuse(path, error)
                continue
            status, _ = await self._receiving.take(data, "", way_of(path.name), at_rest=True)
            if status == NO_ROOM:
                # For anybody, or for its sender alone: it stays, and holds nobody else's frames up.
                self._later[path] = time.monotonic() + NO_ROOM_WAIT
                self._counters.failed("drop_no_room", reason="it is tried again in a few seconds")
            elif status in (200, 409):
                path.unlink(missing_ok=True)
                visitors[read_header(data).sender] = None
            else:
                self._refuse(path, f"status {status}")
        if self._is_untidy:
            self._is_untidy = False
            if removed := await asyncio.to_thread(tidy, self._refused, time.time()):
                self._counters.count("drop_refused_removed", removed)
        for node in visitors:
            await self._visited(node)

    def _waiting(self) -> list[Path]:
        try:
            names = sorted(name for name in os.listdir(self._folder) if name.endswith(ENDING))
        except FileNotFoundError:
            return []
        if time.monotonic() - self._tidied >= TIDY_EVERY:
            self._tidied = time.monotonic()
            self._is_untidy = True
            self._tidy(name for name in names if name.startswith(ASIDE))
        now = time.monotonic()
        paths = [self._folder / name for name in names if not name.startswith(ASIDE)]
        self._later = {path: self._later[path] for path in paths if self._later.get(path, now) > now}
        return [path for path in paths if path not in self._later][:AT_ONCE]

    def _tidy(self, unfinished: Iterable[str]) -> None:
        """Remove what somebody began to write and never finished."""
        for name in unfinished:
            try:
                if time.time() - os.lstat(self._folder / name).st_mtime > UNFINISHED:
                    os.unlink(self._folder / name)
            except OSError:
                continue  # it is gone, or a folder, which nothing here makes

    def _refuse(self, path: Path, reason: object) -> None:
        self._counters.failed("drop_refused", reason=reason)
        self._is_untidy = True
        try:
            set_aside(path, self._refused)
        except OSError as error:
            self._counters.failed("drop_stuck", reason=error)
