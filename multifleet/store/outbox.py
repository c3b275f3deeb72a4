"""Messages on their way, one row for each recipient node. It never decides when to send what."""

import sqlite3
from collections.abc import Sequence
from typing import Any

from multifleet.store.columns import listed, names
from multifleet.store.database import Database
from multifleet.store.outbox_writes import add_rows, apply_changes, reopen_rows
from multifleet.store.recording import record_all
from multifleet.store.rows import OutboxChange, OutboxRow, ReceiptRow

_SELECT = f"SELECT {listed(OutboxRow)} FROM outbox"
_CHANGES = (apply_changes, record_all)
_FAILED = "state IN ('expired', 'undeliverable', 'refused')"
_UNKNOWN = names(OutboxRow).index("unknown_outcome")


def thread_key(sender: str, to: str, thread: str | None) -> str:
    """The key under which messages are numbered: `sender` and `to` as address texts."""
    return f"{sender}\0{to}\0{thread or ''}"


class Outbox:
    """The outbox of this node."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, row: OutboxRow, receipt: ReceiptRow) -> bool:
        """Durable when it returns; False, and nothing changed, if this message to this peer was there."""
        return await self._database.write(add_rows, (row, receipt, thread_key(row.sender, row.to, row.thread)))

    async def change(self, changes: Sequence[OutboxChange]) -> None:
        """Durable when it returns; a change that would take a row back to an earlier rung is passed over."""
        await self._database.write(apply_changes, changes)

    def change_later(self, changes: Sequence[OutboxChange]) -> None:
        """The same on the next commit."""
        self._database.write_later(apply_changes, changes)

    async def reopen(self, id: str, peer: str, expires: int, packet: bytes, receipt: ReceiptRow) -> bool:
        """Opens a row that ended without success for another try, with a packet that says the new `expires`; False if
        there is none to open."""
        return await self._database.write(reopen_rows, (id, peer, expires, packet, receipt))

    async def thread_tail(self, key: str) -> tuple[int, str | None]:
        """The last number given in a thread and the message that has it; (0, None) for a new one."""

        def query(connection: sqlite3.Connection) -> tuple[int, str | None]:
            found = connection.execute("SELECT n, last_id FROM threads WHERE key = ?", (key,)).fetchone()
            return (found[0], found[1]) if found else (0, None)

        return await self._database.read(query, ())

    async def waiting(self, peer: str, after: tuple[int, int] | None, limit: int) -> list[OutboxRow]:
        """Open rows to a peer, ordered by (tier, row), those strictly behind the given pair."""
        where = "WHERE peer = ? AND closed_at IS NULL AND (tier, row) > (?, ?) ORDER BY tier, row LIMIT ?"
        tier, row = after if after is not None else (-1, -1)
        return await self._rows(where, peer, tier, row, limit)

    async def counts(self) -> dict[str, int]:
        """How many rows are open to each peer that has any."""
        return await self._database.read(
            lambda connection: dict(
                connection.execute("SELECT peer, count(*) FROM outbox WHERE closed_at IS NULL GROUP BY peer")
            ),
            _CHANGES,
        )

    async def get(self, id: str) -> list[OutboxRow]:
        """The rows of a message, one for each recipient."""
        return await self._rows("WHERE id = ? ORDER BY peer", id)

    async def find(self, prefix: str) -> list[str]:
        """The ids that begin with `prefix`, at most 20."""

        def query(connection: sqlite3.Connection) -> list[str]:
            sql = "SELECT DISTINCT id FROM outbox WHERE id >= ? AND id < ? ORDER BY id LIMIT 20"
            return [found for (found,) in connection.execute(sql, (prefix, prefix + "\U0010ffff"))]

        return await self._database.read(query, ())

    async def listing(self, limit: int, peer: str | None = None) -> list[OutboxRow]:
        """Rows open and closed, newest first."""
        if peer is None:
            return await self._rows("ORDER BY row DESC LIMIT ?", limit)
        return await self._rows("WHERE peer = ? ORDER BY row DESC LIMIT ?", peer, limit)

    async def dead(self, limit: int) -> list[OutboxRow]:
        """Rows that ended without success, newest first."""
        return await self._rows(f"WHERE {_FAILED} ORDER BY row DESC LIMIT ?", limit)

    async def dead_count(self) -> int:
        """How many rows ended without success."""
        sql = f"SELECT count(*) FROM outbox WHERE {_FAILED}"
        return await self._database.read(lambda connection: int(connection.execute(sql).fetchone()[0]), _CHANGES)

    async def due_to_expire(self, now: float) -> list[OutboxRow]:
        """Open rows whose time is over."""
        return await self._rows("WHERE closed_at IS NULL AND expires <= ? ORDER BY expires", int(now))

    async def next_expiry(self) -> int | None:
        """When the first open row expires."""

        def query(connection: sqlite3.Connection) -> int | None:
            found: int | None = connection.execute(
                "SELECT min(expires) FROM outbox WHERE closed_at IS NULL"
            ).fetchone()[0]
            return found

        return await self._database.read(query, _CHANGES)

    async def _rows(self, where: str, *values: Any) -> list[OutboxRow]:
        return await self._database.read(
            lambda connection: [
                _as_row(found) for found in connection.execute(f"{_SELECT} {where}", values).fetchall()
            ],
            _CHANGES,
        )


def _as_row(found: tuple[Any, ...]) -> OutboxRow:
    values = list(found)
    values[_UNKNOWN] = bool(values[_UNKNOWN])
    return OutboxRow(*values)
