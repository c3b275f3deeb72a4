"""Which messages somebody was told of already, kept on disk: what cannot be taken back is done once for each.

A message is noted before it is told, and only struck out when it certainly was not: whatever moment this process ends
at, nothing is told twice.
"""

import asyncio
import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from multifleet.private_files import write_private

KEPT = 4_096
"""Messages that are remembered; older ones are over by then, or were sent again hundreds of times."""
_REWRITTEN_AT = 3 * KEPT
"""Lines."""
_FREE = "-"
UNKNOWN = "?"
"""It may have been told: nobody knows."""


class ToldOnce:
    """One for each channel that cannot take back what it did."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._known: dict[str, str] | None = None
        self._lines = 0
        self._lock = asyncio.Lock()

    async def of(self, ids: Iterable[str]) -> dict[str, str]:
        """Those of these messages that were told before, and what came of it; OSError where that cannot be read."""
        async with self._lock:
            known = await self._load()
            return {id: known[id] for id in ids if id in known}

    def noted_at(self) -> float:
        """When something was noted last, by the clock of the file system; 0 where nothing was. Blocks for a file."""
        try:
            return self._path.stat().st_mtime
        except OSError:
            return 0.0

    async def begin(self, ids: Sequence[str]) -> None:
        """These are about to be told. On disk when this returns; OSError where it cannot be."""
        await self._note(ids, UNKNOWN)

    async def end(self, ids: Sequence[str], became: str) -> None:
        """What came of it; an empty word: they certainly were not told."""
        await self._note(ids, became or _FREE)

    async def _note(self, ids: Sequence[str], word: str) -> None:
        if not ids:
            return
        async with self._lock:
            known = await self._load()
            text = "".join(f"{id} {word}\n" for id in ids)
            # A cancelled attempt must not leave half a note, nor one that this object knows nothing of.
            await asyncio.shield(asyncio.create_task(asyncio.to_thread(self._append, text), name="note"))
            self._lines += len(ids)
            for id in ids:
                known.pop(id, None)
                if word != _FREE:
                    known[id] = word
            if self._lines > _REWRITTEN_AT:
                await self._rewrite(known)

    async def _load(self) -> dict[str, str]:
        if self._known is None:
            text = await asyncio.to_thread(self._read)
            lines = text.split("\n")[:-1]  # what has no line end was never believed to be noted
            known: dict[str, str] = {}
            for line in lines:
                id, _, word = line.partition(" ")
                known.pop(id, None)
                if word != _FREE:
                    known[id] = word
            self._known, self._lines = known, len(lines)
        return self._known

    async def _rewrite(self, known: dict[str, str]) -> None:
        while len(known) > KEPT:
            known.pop(next(iter(known)))
        text = "".join(f"{id} {word}\n" for id, word in known.items())
        await asyncio.to_thread(write_private, self._path, text.encode("ascii"))
        self._lines = len(known)

    def _read(self) -> str:
        try:
            return self._path.read_text(encoding="ascii", errors="replace")
        except FileNotFoundError:
            return ""

    def _append(self, text: str) -> None:
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        with open(os.open(self._path, flags, 0o600), "a", encoding="ascii") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
