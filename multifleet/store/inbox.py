"""Messages received, each once for (sender, id), and what became of them. Never who is shown what."""

import json
import sqlite3
from collections.abc import Iterable, Sequence
from typing import Any

from multifleet.store import receipt_log
from multifleet.store.columns import listed
from multifleet.store.database import Database
from multifleet.store.gathering import runs_after
from multifleet.store.inbox_writes import OPEN, advance_rows, expire_rows, mark_rows_read, restate_rows
from multifleet.store.receiving import receive_frames
from multifleet.store.rows import InboundFrame, InboxChange, InboxRow, LogRow, Received

_SELECT = f"SELECT {listed(InboxRow)} FROM inbox"
_SELECT_HEADS = _SELECT.replace('"body"', "'' AS body").replace(
    '"packet"',
    "CASE WHEN length(packet) > 512 AND json_valid(CAST(packet AS TEXT))"
    " THEN json_object('session', json_extract(CAST(packet AS TEXT), '$.session')) ELSE packet END AS packet",
)
"""Of a signed message, which is kept whole, only for whom it is."""
_CHANGES = (advance_rows,)
_ANY = ""
_SESSION = (
    "ifnull(CASE WHEN length(packet) > 0 THEN json_extract(CAST(packet AS TEXT), '$.session') END, '" + _ANY + "')"
)
"""The session that alone may see a message, as node/offering/wishes.py writes it."""
_ENDED = "('seen', 'answered', 'expired', 'refused')"


class Inbox:
    """The inbox of this node."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def receive(self, frame: InboundFrame) -> Received:
        """Takes a frame's messages and its acknowledgement in one transaction; durable when it returns."""
        return await self._database.write(receive_frames, frame)

    async def advance(self, changes: Sequence[InboxChange], say: bool = True) -> list[bool]:
        """Durable when it returns; True for each change that moved its row, and then stated to the sender."""
        return await self._database.write(advance_rows, (changes, say))

    def advance_later(self, changes: Sequence[InboxChange], say: bool = True) -> None:
        """The same on the next commit."""
        self._database.write_later(advance_rows, (changes, say))

    async def log_after(self, peer: str, seq: int, limit: int = receipt_log.MOST_ROWS) -> list[LogRow]:
        """Statements to a peer behind a number, oldest first; what is to be forgotten later may still be there."""
        return await self._database.read(lambda connection: receipt_log.after(connection, peer, seq, limit), _CHANGES)

    def forget_log(self, peer: str, have: int) -> None:
        """Drops on the next commit the statements that the peer has acknowledged."""
        self._database.write_later(_forget_log, (peer, have))

    async def peers_with_log(self) -> dict[str, int]:
        """How many statements wait for each peer that has any."""
        sql = "SELECT peer, count(*) FROM receipt_log GROUP BY peer"
        return await self._database.read(lambda connection: dict(connection.execute(sql)), (*_CHANGES, _forget_log))

    async def waiting(self, limit: int, now: float = 0.0) -> list[InboxRow]:
        """Rows stored, not offered and not expired at `now`, oldest first, within a thread by n."""
        rows = await self._rows(
            f"WHERE {OPEN} AND state = 'stored' AND expires > ? ORDER BY row LIMIT ?", int(now), limit
        )
        return sorted(rows, key=_as_shown)

    async def heads(self, limit: int, now: float) -> list[InboxRow]:
        """The same without their texts, in the order in which they came."""
        sql = f"{_SELECT_HEADS} WHERE {OPEN} AND state = 'stored' AND expires > ? ORDER BY row LIMIT ?"
        return await self._database.read(
            lambda connection: [InboxRow(*found) for found in connection.execute(sql, (int(now), limit))], _CHANGES
        )

    async def restate(self, changes: Sequence[InboxChange]) -> set[str]:
        """Say anew why messages wait, of those that still do; the senders of these."""
        return await self._database.write(restate_rows, changes)

    async def waiting_at(
        self, seat: str | None, limit: int, now: float = 0.0, sessions: Iterable[str] = ()
    ) -> list[InboxRow]:
        """The same of one seat; None: addressed to the node alone. Of what is for one session alone, only what is for
        one of these."""
        condition = (
            f"WHERE {OPEN} AND state = 'stored' AND expires > ? AND seat IS ?"
            f" AND {_SESSION} IN (SELECT value FROM json_each(?)) ORDER BY row LIMIT ?"
        )
        wanted = json.dumps([_ANY, *sessions])
        return sorted(await self._rows(condition, int(now), seat, wanted, limit), key=_as_shown)

    async def seats_waited_at(self) -> set[str]:
        """Seats that mail waits at, whether or not they still exist."""
        sql = f"SELECT DISTINCT seat FROM inbox WHERE {OPEN} AND state = 'stored' AND seat IS NOT NULL"
        return await self._database.read(
            lambda connection: {str(found[0]) for found in connection.execute(sql)}, _CHANGES
        )

    async def in_flight(self) -> list[InboxRow]:
        """Rows offered in some way whose end is not known."""
        return await self._rows(f"WHERE {OPEN} AND state <> 'stored' ORDER BY row")

    async def shares(self) -> dict[str, int]:
        """How much of each sender lies here, as `weight` measures it."""
        return await self._database.read(
            lambda connection: dict(connection.execute("SELECT sender, size FROM inbox_shares")), ()
        )

    async def get(self, sender: str | None, id: str) -> InboxRow | None:
        """One message; of any sender where `sender` is None."""
        if sender is None:
            found = await self._rows("WHERE id = ? ORDER BY row LIMIT 1", id)
        else:
            found = await self._rows("WHERE id = ? AND sender = ?", id, sender)
        return found[0] if found else None

    async def find(self, prefix: str) -> list[tuple[str, str]]:
        """(sender, id) of the messages whose id begins with `prefix`, at most 20."""

        def query(connection: sqlite3.Connection) -> list[tuple[str, str]]:
            sql = "SELECT sender, id FROM inbox WHERE id >= ? AND id < ? ORDER BY id LIMIT 20"
            return connection.execute(sql, (prefix, prefix + "\U0010ffff")).fetchall()

        return await self._database.read(query, ())

    async def listing(self, limit: int, unread_only: bool = False, seat: str | None = None) -> list[InboxRow]:
        """Messages newest first; unread are those that neither a session has seen nor a person has read."""
        conditions = ["TRUE"]
        values: list[Any] = []
        if unread_only:
            conditions.append(f"read_at IS NULL AND state NOT IN {_ENDED}")
        if seat is not None:
            conditions.append("seat = ?")
            values.append(seat)
        return await self._rows(f"WHERE {' AND '.join(conditions)} ORDER BY row DESC LIMIT ?", *values, limit)

    async def unread_count(self) -> int:
        """How many messages neither a session has seen nor a person has read."""
        sql = f"SELECT count(*) FROM inbox WHERE {OPEN} AND read_at IS NULL"
        return await self._database.read(lambda connection: int(connection.execute(sql).fetchone()[0]), _CHANGES)

    async def mark_read(self, sender: str, id: str, at: float) -> bool:
        """A person has read it; False if there is no such message or it was read before."""
        return await self._database.write(mark_rows_read, (sender, id, at))

    async def expire(self, now: float) -> list[InboxRow]:
        """Ends what expired before it was offered and tells the senders; returns those rows as they were."""
        return await self._database.write(expire_rows, now)

    async def _rows(self, where: str, *values: Any) -> list[InboxRow]:
        return await self._database.read(
            lambda connection: [
                InboxRow(*found) for found in connection.execute(f"{_SELECT} {where}", values).fetchall()
            ],
            _CHANGES,
        )


def _as_shown(row: InboxRow) -> tuple[float, str, str, int]:
    return row.stored_at, row.from_, row.thread or "", row.n


@runs_after
def _forget_log(connection: sqlite3.Connection, wanted: Sequence[tuple[str, int]]) -> Sequence[None]:
    newest: dict[str, int] = {}
    for peer, have in wanted:
        newest[peer] = max(have, newest.get(peer, 0))
    log = receipt_log.LogBatch(connection, newest)
    for peer, have in newest.items():
        log.forget(peer, have)
    log.flush()
    return [None] * len(wanted)
