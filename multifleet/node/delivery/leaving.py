"""Leaves what waits for a peer in out/<peer>/, where one looks that can come here and cannot be reached from here.

Handing it out twice does no harm: what is left there is a frame like any other, and only the peer's own statements end
a message.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from multifleet.core.drop import OUT_NAME
from multifleet.node.counters import Counters
from multifleet.node.members import Member
from multifleet.private_files import write_private
from multifleet.sessions.own_files import NotOurs, is_private_folder, make_private_folder

LOOKS = (1.0, 3.0, 8.0, 20.0, 45.0)
"""Seconds after a visit at which it is written anew: receipts come one after the other."""
UNHEARD_EVERY = 10.0
"""Seconds between two looks at what waits for peers that are not heard."""


class WaitingFor(Protocol):
    """A frame with all that waits for a peer."""

    def __call__(self, node: str, *, even_empty: bool = False) -> Awaitable[bytes | None]: ...


class Leaving:
    """One for the node."""

    def __init__(
        self,
        home: Path,
        *,
        waiting_for: WaitingFor,
        members: Callable[[], Iterable[Member]],
        is_there: Callable[[str], bool],
        revision: Callable[[], int],
        monotonic: Callable[[], float],
        counters: Counters,
    ) -> None:
        """`members`: all others; `is_there`: whether one is heard; `revision`: how much has happened here."""
        self._folder = home / "out"
        self._waiting_for = waiting_for
        self._members = members
        self._is_there = is_there
        self._revision = revision
        self._monotonic = monotonic
        self._counters = counters
        self._due: dict[str, list[float]] = {}
        self._written: dict[str, int] = {}
        self._visited = asyncio.Event()

    async def visited(self, node: str) -> None:
        """A peer was here, and will look for what is left for it."""
        now = self._monotonic()
        self._due[node] = [now + after for after in LOOKS]
        self._visited.set()
        await self._leave(node, even_empty=True)

    async def run(self) -> None:
        """Until cancelled."""
        unheard_at = self._monotonic()
        while True:
            self._visited.clear()
            now = self._monotonic()
            for node in [node for node, moments in self._due.items() if moments[0] <= now]:
                await self._leave(node)
                self._due[node] = [moment for moment in self._due[node] if moment > now]
            self._due = {node: moments for node, moments in self._due.items() if moments}
            if unheard_at <= now:
                await self._leave_to_unheard()
                unheard_at = now + UNHEARD_EVERY
            soonest = min([unheard_at, *(moments[0] for moments in self._due.values())])
            try:
                async with asyncio.timeout(max(0.05, soonest - self._monotonic())):
                    await self._visited.wait()
            except TimeoutError:
                pass  # something is due

    async def _leave_to_unheard(self) -> None:
        revision = self._revision()
        members = frozenset(member.node for member in self._members())
        for node in members:
            if self._written.get(node) == revision or self._is_there(node):
                continue
            if await asyncio.to_thread((self._folder / node).is_dir):  # it has been here, and looks here now and then
                if await self._leave(node):
                    self._written[node] = revision
        await asyncio.to_thread(self._tidy, members)

    async def _leave(self, node: str, *, even_empty: bool = False) -> bool:
        """Whether it lies there now."""
        frame = await self._waiting_for(node, even_empty=even_empty)
        try:
            await asyncio.to_thread(self._write, node, frame)
        except (OSError, NotOurs) as error:
            self._counters.failed("out_not_written", peer=node, reason=error)
            return False
        return True

    def _write(self, node: str, frame: bytes | None) -> None:
        folder = self._folder / node
        if frame is None:
            if is_private_folder(self._folder) and is_private_folder(folder):
                (folder / OUT_NAME).unlink(missing_ok=True)
            return
        make_private_folder(self._folder)
        make_private_folder(folder)
        write_private(folder / OUT_NAME, frame)

    def _tidy(self, members: frozenset[str]) -> None:
        """Nothing is left for who is in the fleet no more."""
        if not is_private_folder(self._folder):
            return
        for place in self._folder.iterdir():
            if place.name not in members and is_private_folder(place):
                with suppress(OSError):  # what else lies there is not ours
                    (place / OUT_NAME).unlink(missing_ok=True)
                    place.rmdir()
