"""Single values with a name: when the store was made, the replay clock, the default seat. Text only."""

import sqlite3
from collections.abc import Sequence

from multifleet.store.database import Database
from multifleet.store.gathering import runs_after

CREATED_AT = "created_at"
DEFAULT_SEAT = "default_seat"


class Meta:
    """Named values; None removes one."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def get(self, key: str) -> str | None:
        """The value, None if there is none."""
        return await self._database.read(lambda connection: _get(connection, key), (set_values,))

    async def all(self) -> dict[str, str]:
        """Every value."""
        return await self._database.read(
            lambda connection: dict(connection.execute("SELECT key, value FROM meta")), (set_values,)
        )

    async def set(self, key: str, value: str | None) -> None:
        """Durable when it returns."""
        await self._database.write(set_values, (key, value))

    def set_later(self, key: str, value: str | None) -> None:
        """Rides on the next commit."""
        self._database.write_later(set_values, (key, value))


@runs_after
def set_values(connection: sqlite3.Connection, pairs: Sequence[tuple[str, str | None]]) -> Sequence[None]:
    """Sets or removes values; the last of a key counts."""
    for key, value in dict(pairs).items():
        if value is None:
            connection.execute("DELETE FROM meta WHERE key = ?", (key,))
        else:
            connection.execute(
                "INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)",
                (key, value),
            )
    return [None] * len(pairs)


def _get(connection: sqlite3.Connection, key: str) -> str | None:
    found = connection.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
    return None if found is None else str(found[0])
