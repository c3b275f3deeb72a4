"""Remembers of whom the copies of seeds are, so that those of a machine that is put out can be removed."""

from collections.abc import Iterable
from pathlib import Path

import msgspec

from multifleet.node.counters import Counters
from multifleet.sessions import seed_copies
from multifleet.store.store import Store

NOTE, MOST = "seed_copies", 1_024
"""The key of the copies in the store, and how many are remembered."""


class Copies:
    """One for the node; `load` before the others."""

    def __init__(self, store: Store, counters: Counters, place: Path = seed_copies.PLACE) -> None:
        self._store = store
        self._counters = counters
        self._place = place
        self._of: dict[str, list[str]] = {}
        self._is_loaded = False

    async def load(self) -> None:
        """What an earlier run has left."""
        noted = await self._store.meta.get(NOTE) if not self._is_loaded else None
        self._of = (msgspec.json.decode(noted, type=dict[str, list[str]]) if noted else {}) | self._of
        self._is_loaded = True

    async def write(self, seat: str, text: str, senders: Iterable[str]) -> None:
        """One copy, with what these had sent."""
        await self.load()
        try:
            path = seed_copies.write_copy(seat, text, self._place)
        except OSError as error:
            self._counters.failed("seed_copy", reason=error)
            return
        self._of[str(path)] = sorted(set(senders))
        while len(self._of) > MOST:
            del self._of[next(iter(self._of))]
        self._keep()

    async def remove(self, sender: str) -> None:
        """Remove the copies with something that a machine sent."""
        await self.load()
        found = [path for path, senders in self._of.items() if sender in senders]
        for path in found:
            del self._of[path]
            seed_copies.remove_copy(Path(path))
        if found:
            self._keep()

    def _keep(self) -> None:
        self._store.meta.set_later(NOTE, msgspec.json.encode(self._of).decode() if self._of else None)
