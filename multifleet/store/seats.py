"""Seats: the durable addresses of agent sessions on this node, and which one takes mail without a seat."""

import sqlite3
from collections.abc import Sequence

from msgspec.structs import astuple

from multifleet.store.columns import listed
from multifleet.store.database import Database
from multifleet.store.meta import DEFAULT_SEAT, Meta
from multifleet.store.rows import SeatRow


class Seats:
    """The seats of this node."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._meta = Meta(database)

    async def all(self) -> list[SeatRow]:
        """Every seat, by name."""
        sql = f"SELECT {listed(SeatRow)} FROM seats ORDER BY name"
        return await self._database.read(
            lambda connection: [SeatRow(*found) for found in connection.execute(sql)], (_put,)
        )

    async def put(self, row: SeatRow) -> None:
        """Adds a seat or replaces the one of its name."""
        await self._database.write(_put, row)

    def put_later(self, row: SeatRow) -> None:
        """The same on the next commit."""
        self._database.write_later(_put, row)

    async def remove(self, name: str) -> bool:
        """Removes a seat; mail for it stays. False if there is none."""
        return await self._database.write(_remove, name)

    async def default(self) -> str | None:
        """The seat at which mail without a seat waits."""
        return await self._meta.get(DEFAULT_SEAT)

    async def set_default(self, name: str | None) -> None:
        """Chooses that seat."""
        await self._meta.set(DEFAULT_SEAT, name)


def _put(connection: sqlite3.Connection, rows: Sequence[SeatRow]) -> Sequence[None]:
    connection.executemany(
        f"INSERT OR REPLACE INTO seats ({listed(SeatRow)}) VALUES (?, ?, ?, ?, ?, ?)",
        [astuple(row) for row in rows],
    )
    return [None] * len(rows)


def _remove(connection: sqlite3.Connection, names: Sequence[str]) -> Sequence[bool]:
    return [connection.execute("DELETE FROM seats WHERE name = ?", (name,)).rowcount > 0 for name in names]
