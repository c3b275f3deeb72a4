"""Nonces of frames that had an effect, kept while a frame could still be taken; `receiving` adds those of messages."""

import sqlite3
from collections.abc import Sequence

from multifleet.store.database import Database
from multifleet.store.gathering import runs_after


class Nonces:
    """The nonces of this node's recent past."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def note(self, sender: str, nonce: str, keep_until: int) -> bool:
        """Whether this one is new; durable when it returns. Raises StoreUnavailable."""
        return await self._database.write(_note, (sender, nonce, keep_until))

    async def is_known(self, sender: str, nonce: str) -> bool:
        """Whether a frame with this one was taken, or it was noted."""
        sql, key = "SELECT 1 FROM nonces WHERE sender = ? AND nonce = ?", (sender, nonce)
        return await self._database.read(lambda connection: connection.execute(sql, key).fetchone() is not None, ())

    def prune_later(self, before: int) -> None:
        """Forgets those that need not be kept at `before`."""
        self._database.write_later(_prune, before)

    async def count(self) -> int:
        """How many are kept."""
        return await self._database.read(
            lambda connection: int(connection.execute("SELECT count(*) FROM nonces").fetchone()[0]),
            (_prune,),
        )


def _note(connection: sqlite3.Connection, notes: Sequence[tuple[str, str, int]]) -> Sequence[bool]:
    return [
        connection.execute(
            "INSERT INTO nonces (sender, nonce, keep_until) VALUES (?, ?, ?) ON CONFLICT DO NOTHING", note
        ).rowcount
        == 1
        for note in notes
    ]


@runs_after
def _prune(connection: sqlite3.Connection, moments: Sequence[int]) -> Sequence[None]:
    connection.execute("DELETE FROM nonces WHERE keep_until < ?", (max(moments),))
    return [None] * len(moments)
