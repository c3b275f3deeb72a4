"""Receipts of the messages sent from here: every event with its proof. Never what they mean."""

from collections.abc import Sequence
from functools import partial
from typing import Any

from multifleet.store.columns import listed
from multifleet.store.database import Database
from multifleet.store.recording import Record, record_all
from multifleet.store.rows import OutboxChange, ReceiptRow

_SELECT = f"SELECT {listed(ReceiptRow)} FROM receipts"


class Receipts:
    """The receipts of this node."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._have: dict[str, int] = database.read_now(
            lambda connection: dict(connection.execute("SELECT peer, have FROM peers_seq"))
        )

    def durable_have(self, peer: str) -> int:
        """The last statement of the peer that is on disk here without a gap; what a frame to it may carry."""
        return self._have.get(peer, 0)

    def forget(self, peer: str) -> None:
        """Another machine has this name now: its statements are numbered from 1."""
        self._have.pop(peer, None)

    async def have(self, peer: str) -> int:
        """The same."""
        return self.durable_have(peer)

    def record_later(
        self,
        rows: Sequence[ReceiptRow],
        changes: Sequence[OutboxChange] = (),
        peer: str | None = None,
        have: int | None = None,
    ) -> None:
        """Adds events, moves outbox rows and the peer's `have`, all in the next commit."""
        done = partial(self._remember, peer, have)
        self._database.write_later(record_all, Record(rows, changes, peer, have), done)

    async def record(
        self,
        rows: Sequence[ReceiptRow],
        changes: Sequence[OutboxChange] = (),
        peer: str | None = None,
        have: int | None = None,
    ) -> None:
        """The same, durable when it returns."""
        await self._database.write(record_all, Record(rows, changes, peer, have))
        self._remember(peer, have, None)

    async def of(self, message_id: str) -> list[ReceiptRow]:
        """The events of a message, ordered by time."""
        return await self._rows("WHERE message_id = ? ORDER BY at, seq, row", message_id)

    async def sent_at(self, ids: Sequence[str]) -> dict[tuple[str, str], float]:
        """When each of these messages (id, peer) was first left somewhere for its recipient; others are left out."""
        marks = ", ".join("?" * len(ids))
        where = f"WHERE state = 'sent' AND message_id IN ({marks}) GROUP BY message_id, peer"
        sql = f"SELECT message_id, peer, min(at) FROM receipts {where}"
        return await self._database.read(
            lambda connection: {(id, peer): float(at) for id, peer, at in connection.execute(sql, tuple(ids))},
            (record_all,),
        )

    async def listing(self, limit: int) -> list[ReceiptRow]:
        """The latest events of all messages, newest first."""
        return await self._rows("ORDER BY row DESC LIMIT ?", limit)

    def _remember(self, peer: str | None, have: int | None, _: None) -> None:
        if peer is not None and have is not None:
            self._have[peer] = max(have, self._have.get(peer, 0))

    async def _rows(self, where: str, *values: Any) -> list[ReceiptRow]:
        return await self._database.read(
            lambda connection: [
                ReceiptRow(*found) for found in connection.execute(f"{_SELECT} {where}", values).fetchall()
            ],
            (record_all,),
        )
