"""Looks into a store from outside, for the doctor: is the file sound, is it as durable as promised, what does it hold.

Reads through connections of its own, which cannot write; the one question that only the writer's connection can
answer is asked there. Nothing is mended here.
"""

import sqlite3
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from multifleet.store.database import Database
from multifleet.store.failures import is_damage, primary_code, storage_failure
from multifleet.store.opening import connect_reader, mark_suspect

STORE = "store.db"
DAMAGED = f"{STORE}.damaged-"
SOUND = "ok"
_STEPS = 50_000
"""Instructions of SQLite between two looks at the clock."""


@dataclass(frozen=True, slots=True)
class Soundness:
    """What reading the whole file found; `verdict` is "ok", the first damage, or None where time ran out."""

    verdict: str | None
    journal: str
    bytes: int


@dataclass(frozen=True, slots=True)
class Durability:
    """How the writer's connection commits."""

    journal: str
    synchronous: int
    """2 is FULL."""
    full_fsync: bool
    """Whether fsync reaches the platter; asked for on macOS only."""

    @property
    def holds(self) -> bool:
        """Whether a commit survives a power cut."""
        return self.journal == "wal" and self.synchronous >= 2 and self.full_fsync


@dataclass(frozen=True, slots=True)
class Contents:
    """What the store of a node without a daemon says of itself."""

    meta: dict[str, str]
    heard: dict[str, float | None]
    """When each peer was last heard."""


def read_soundness(path: Path, seconds: float) -> Soundness:
    """Checks every page and index, for at most about `seconds`; a damaged file will be set aside at the next start.

    Raises StoreUnavailable where the file cannot be opened now. Blocks.
    """
    end = time.monotonic() + seconds
    try:
        connection = connect_reader(path)
        try:
            size = path.stat().st_size
            journal = str(connection.execute("PRAGMA journal_mode").fetchone()[0])
            connection.set_progress_handler(lambda: time.monotonic() > end, _STEPS)
            verdict = str(connection.execute("PRAGMA integrity_check(1)").fetchone()[0]).splitlines()[0]
        finally:
            connection.close()
    except sqlite3.Error as error:
        if primary_code(error) == sqlite3.SQLITE_INTERRUPT:
            return Soundness(None, journal, size)
        if not is_damage(error):
            raise (storage_failure(error) or error) from error
        verdict, journal, size = str(error), "", path.stat().st_size
    if verdict != SOUND:
        mark_suspect(path)
    return Soundness(verdict, journal, size)


def read_contents(path: Path) -> Contents:
    """Named values and peers, beside whoever else has the store; StoreUnavailable or StoreDamaged. Blocks."""
    try:
        connection = connect_reader(path)
        try:
            meta = dict(connection.execute("SELECT key, value FROM meta"))
            return Contents(meta, dict(connection.execute("SELECT node, heard_at FROM peers ORDER BY node")))
        finally:
            connection.close()
    except sqlite3.Error as error:
        raise (storage_failure(error) or error) from error


async def read_durability(database: Database) -> Durability:
    """How the writer commits, in its own word; StoreUnavailable while it cannot write."""
    return await database.write(_durability, None)


def damaged_files(home: Path) -> list[Path]:
    """Stores that were found damaged and set aside, and that still lie there."""
    return sorted(path for path in home.glob(f"{DAMAGED}*") if not path.name.endswith(("-wal", "-shm")))


def sqlite_version() -> tuple[int, ...]:
    """Of the library that Python is linked with."""
    return sqlite3.sqlite_version_info


def _durability(connection: sqlite3.Connection, asked: Sequence[None]) -> Sequence[Durability]:
    journal = str(connection.execute("PRAGMA journal_mode").fetchone()[0])
    synchronous = int(connection.execute("PRAGMA synchronous").fetchone()[0])
    full = sys.platform != "darwin" or bool(connection.execute("PRAGMA fullfsync").fetchone()[0])
    return [Durability(journal, synchronous, full)] * len(asked)
