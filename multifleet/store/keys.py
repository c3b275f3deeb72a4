"""What must be remembered of keys beside the keys themselves. No private key is ever in the store."""

import sqlite3
from collections.abc import Sequence

import msgspec

from multifleet.store.database import Database

MOST_KEPT = 64
"""Receipt keys of one peer; messages are forgotten sooner than so many can be had."""
_TRIM = (
    "DELETE FROM receipt_keys WHERE peer = ? AND row NOT IN"
    " (SELECT row FROM receipt_keys WHERE peer = ? ORDER BY row DESC LIMIT ?)"
)
_FORGET = "DELETE FROM peer_keys WHERE replaced_at < ? RETURNING peer, x25519"


class KeyState(msgspec.Struct, frozen=True):
    """Everything that is remembered."""

    receipts: list[tuple[str, str, bytes]]
    """(peer, kid, sealed), oldest first."""
    shown: list[tuple[str, bytes, float]]
    """(peer, this node's X25519 key that it has used, since when)."""
    older: list[tuple[str, bytes, float | None]]
    """(peer, an X25519 key that it had, when that was replaced), the latest replaced first."""


class Keys:
    """One for the store."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def all(self) -> KeyState:
        """Everything."""
        return await self._database.read(_all, (_keep, _show, _forget, _date))

    def keep_later(self, peer: str, kid: str, sealed: bytes) -> None:
        """Notes a receipt key; rides on the next commit, and so is there before what it proves."""
        self._database.write_later(_keep, (peer, kid, sealed))

    def show_later(self, peer: str, public: bytes, at: float) -> None:
        """Notes which of this node's keys a peer has used."""
        self._database.write_later(_show, (peer, public, at))

    def forget_later(self, peer: str) -> None:
        """Forgets all but what a peer has stated."""
        self._database.write_later(_forget, peer)

    async def date(self, now: float, keep_from: float) -> list[tuple[str, bytes]]:
        """Notes that keys were replaced by now at the latest; forgets those replaced before `keep_from`, and says
        which (peer, X25519 key)."""
        return await self._database.write(_date, (now, keep_from))


def _all(connection: sqlite3.Connection) -> KeyState:
    return KeyState(
        connection.execute("SELECT peer, kid, sealed FROM receipt_keys ORDER BY row").fetchall(),
        connection.execute("SELECT peer, x25519, at FROM shown_keys").fetchall(),
        connection.execute(
            "SELECT peer, x25519, replaced_at FROM peer_keys ORDER BY replaced_at IS NOT NULL, replaced_at DESC"
        ).fetchall(),
    )


def _keep(connection: sqlite3.Connection, rows: Sequence[tuple[str, str, bytes]]) -> Sequence[None]:
    connection.executemany("INSERT OR IGNORE INTO receipt_keys (peer, kid, sealed) VALUES (?, ?, ?)", rows)
    connection.executemany(_TRIM, [(peer, peer, MOST_KEPT) for peer in {row[0] for row in rows}])
    return [None] * len(rows)


def _show(connection: sqlite3.Connection, rows: Sequence[tuple[str, bytes, float]]) -> Sequence[None]:
    connection.executemany("INSERT OR REPLACE INTO shown_keys (peer, x25519, at) VALUES (?, ?, ?)", rows)
    return [None] * len(rows)


def _forget(connection: sqlite3.Connection, peers: Sequence[str]) -> Sequence[None]:
    for peer in peers:
        connection.execute("DELETE FROM peer_keys WHERE peer = ?", (peer,))
        connection.execute("DELETE FROM shown_keys WHERE peer = ?", (peer,))
    return [None] * len(peers)


def _date(
    connection: sqlite3.Connection, times: Sequence[tuple[float, float]]
) -> Sequence[list[tuple[str, bytes]]]:
    forgotten = []
    for now, keep_from in times:
        connection.execute("UPDATE peer_keys SET replaced_at = ? WHERE replaced_at IS NULL", (now,))
        forgotten.append(connection.execute(_FORGET, (keep_from,)).fetchall())
    return forgotten
