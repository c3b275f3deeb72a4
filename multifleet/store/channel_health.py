"""What is known of each channel to each peer, for the next start. It makes no transitions."""

import json
import sqlite3
from collections.abc import Sequence
from typing import Any

from msgspec.structs import replace

from multifleet.store.columns import listed
from multifleet.store.database import Database
from multifleet.store.gathering import runs_after
from multifleet.store.rows import HealthRow


class ChannelHealth:
    """The stored state of every (peer, channel)."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def all(self) -> list[HealthRow]:
        """Every channel's state, by peer and channel."""

        def query(connection: sqlite3.Connection) -> list[HealthRow]:
            sql = f"SELECT {listed(HealthRow)} FROM channel_health ORDER BY peer, channel"
            return [_as_row(*found) for found in connection.execute(sql)]

        return await self._database.read(query, (_put,))

    def put_later(self, row: HealthRow) -> None:
        """Replaces the state of a channel on the next commit."""
        self._database.write_later(_put, row)


def _as_row(*found: Any) -> HealthRow:
    row = HealthRow(*found)
    return replace(row, latencies=tuple(json.loads(found[-1])))


@runs_after
def _put(connection: sqlite3.Connection, rows: Sequence[HealthRow]) -> Sequence[None]:
    last = {(row.peer, row.channel): row for row in rows}
    connection.executemany(
        f"INSERT OR REPLACE INTO channel_health ({listed(HealthRow)}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        [
            (
                row.peer,
                row.channel,
                row.state,
                row.failures,
                row.changed_at,
                row.last_ok,
                row.last_error,
                json.dumps(row.latencies),
            )
            for row in last.values()
        ],
    )
    return [None] * len(rows)
