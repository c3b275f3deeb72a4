"""Offers: which messages were shown to which session in which way, so that a crash shows nothing twice."""

import json
import sqlite3
from collections.abc import Sequence
from typing import Any

from multifleet.store.columns import listed
from multifleet.store.database import Database
from multifleet.store.gathering import runs_after, runs_first
from multifleet.store.rows import OfferRow

_SELECT = f"SELECT {listed(OfferRow)} FROM offers"
_Change = tuple[str, str, str | None, bool]


class Offers:
    """The offers of this node."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, row: OfferRow) -> None:
        """Durable when it returns."""
        await self._database.write(_add, row)

    async def change(self, id: str, state: str, detail: str | None = None, *, finished: bool = False) -> None:
        """A new state, durable when it returns; a finished offer stays finished."""
        await self._database.write(_change, (id, state, detail, finished))

    def change_later(self, id: str, state: str, detail: str | None = None, *, finished: bool = False) -> None:
        """The same on the next commit."""
        self._database.write_later(_change, (id, state, detail, finished))

    async def get(self, id: str) -> OfferRow | None:
        """One offer."""
        found = await self._rows("WHERE id = ?", id)
        return found[0] if found else None

    async def open(self) -> list[OfferRow]:
        """Offers that are not finished, oldest first."""
        return await self._rows("WHERE finished = 0 ORDER BY at")

    async def _rows(self, where: str, *values: Any) -> list[OfferRow]:
        return await self._database.read(
            lambda connection: [_as_row(found) for found in connection.execute(f"{_SELECT} {where}", values)],
            (_change,),
        )


def _as_row(found: tuple[Any, ...]) -> OfferRow:
    id_, session, via, at, state, messages, detail, transcript, finished = found
    shown = tuple((sender, message) for sender, message in json.loads(messages))
    return OfferRow(id_, session, via, at, state, shown, detail, transcript, bool(finished))


@runs_first
def _add(connection: sqlite3.Connection, rows: Sequence[OfferRow]) -> Sequence[None]:
    for row in rows:
        connection.execute(
            f"INSERT OR IGNORE INTO offers ({listed(OfferRow)}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                row.id,
                row.session,
                row.via,
                row.at,
                row.state,
                json.dumps(row.messages),
                row.detail,
                row.transcript,
                row.finished,
            ),
        )
    return [None] * len(rows)


@runs_after
def _change(connection: sqlite3.Connection, changes: Sequence[_Change]) -> Sequence[None]:
    connection.executemany(
        "UPDATE offers SET state = ?, detail = ?, finished = max(finished, ?) WHERE id = ?",
        [(state, detail, finished, id_) for id_, state, detail, finished in changes],
    )
    return [None] * len(changes)
