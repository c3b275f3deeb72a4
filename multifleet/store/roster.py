"""The signed documents of the roster, and what follows from them in other tables, in one transaction.

What a document says is no matter here: who may sign what is decided before, and again whenever they are read.
"""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

from msgspec.structs import astuple

from multifleet.store.columns import listed, names
from multifleet.store.database import Database
from multifleet.store.inbox_writes import OPEN
from multifleet.store.meta import set_values
from multifleet.store.peers import add_peers
from multifleet.store.rows import PeerRow, RosterRow

_MARKS = ", ".join("?" * len(names(RosterRow)))
_UNREAD = (
    f"UPDATE inbox SET state = 'refused', state_at = ?, detail = ? WHERE {OPEN} AND state = 'stored' AND sender = ?"
)
_TRACES = ("peers WHERE node", "peers_seq WHERE peer", "receipt_log WHERE peer", "channel_health WHERE peer")


@dataclass(frozen=True, slots=True)
class Kept:
    """What is written together."""

    documents: Sequence[RosterRow] = ()
    dropped: Sequence[str] = ()
    """Slots whose documents are kept no longer."""
    forgotten: Sequence[str] = ()
    """Names that another machine had before: nothing that was said to it, or by it, is continued."""
    peers: Sequence[PeerRow] = ()
    """To be pinned, or renewed."""
    notes: Sequence[tuple[str, str]] = ()
    """Named values."""
    anew: bool = False
    """Whether all that was kept before belongs to another fleet."""


class RosterDocuments:
    """The documents of this node."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def all(self) -> list[RosterRow]:
        """Every document."""
        sql = f"SELECT {listed(RosterRow)} FROM roster_documents"
        return await self._database.read(
            lambda connection: [RosterRow(*found) for found in connection.execute(sql)], (keep_all,)
        )

    async def keep(self, kept: Kept) -> None:
        """Durable when it returns, all of it or nothing; a document takes the place of the one of its slot."""
        await self._database.write(keep_all, kept)

    def keep_later(self, kept: Kept) -> None:
        """The same on the next commit."""
        self._database.write_later(keep_all, kept)

    async def turn_away(self, sender: str, reason: str, at: float) -> int:
        """Refuses what a node sent and no session was offered yet; how many messages."""
        return await self._database.write(_turn_away, (sender, reason, at))


def keep_all(connection: sqlite3.Connection, calls: Sequence[Kept]) -> Sequence[None]:
    """Writes each inside the open transaction."""
    for kept in calls:
        if kept.anew:
            connection.execute("DELETE FROM roster_documents")
        connection.executemany("DELETE FROM roster_documents WHERE slot = ?", [(slot,) for slot in kept.dropped])
        connection.executemany(
            f"INSERT OR REPLACE INTO roster_documents ({listed(RosterRow)}) VALUES ({_MARKS})",
            [astuple(row) for row in kept.documents],
        )
        for node in kept.forgotten:
            for trace in _TRACES:
                connection.execute(f"DELETE FROM {trace} = ?", (node,))
        add_peers(connection, kept.peers)
        set_values(connection, list(kept.notes))
    return [None] * len(calls)


def _turn_away(connection: sqlite3.Connection, calls: Sequence[tuple[str, str, float]]) -> Sequence[int]:
    return [connection.execute(_UNREAD, (at, reason, sender)).rowcount for sender, reason, at in calls]
