"""The receipt log: what this node has stated to each peer and the peer has not acknowledged. Numbers are
per peer, from 1, without gaps, and never used twice. Runs inside the writer's transactions.
"""

import json
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from multifleet.store.bulk import Bulk
from multifleet.store.rows import LogRow

MOST_ROWS = 256
"""Statements in one answer at most."""

_LARGEST_SEQ = 2**53

_insert = Bulk(
    "INSERT INTO receipt_log (peer, seq, message_id, state, at, channel, attempt, detail) VALUES {rows}", 8
)
# One JSON text instead of rows, because each row would be a step. %.17g keeps every bit of a float.
_AFTER = (
    "SELECT json_group_array(json_array("
    "seq, message_id, state, printf('%!.17g', at), channel, attempt, detail)) FROM"
    " (SELECT * FROM receipt_log WHERE peer = ? AND seq > ? ORDER BY seq LIMIT ?)"
)


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement that has no number yet."""

    message_id: str
    state: str
    at: float
    channel: str | None
    attempt: int
    detail: str | None


def last_said(connection: sqlite3.Connection, peer: str) -> int:
    """The last number given to a peer; 0 if none was."""
    found = connection.execute("SELECT said FROM peers_seq WHERE peer = ?", (peer,)).fetchone()
    return found[0] if found else 0


def append(connection: sqlite3.Connection, peer: str, statements: Iterable[Statement]) -> list[LogRow]:
    """Numbers statements and adds them to the peer's log."""
    said = last_said(connection, peer)
    rows = [
        LogRow(seq, s.message_id, s.state, s.at, s.channel, s.attempt, s.detail)
        for seq, s in enumerate(statements, said + 1)
    ]
    if rows:
        _insert.run(
            connection,
            [(peer, r.seq, r.message_id, r.state, r.at, r.channel, r.attempt, r.detail) for r in rows],
        )
        _note_said(connection, peer, rows[-1].seq)
    return rows


def forget(connection: sqlite3.Connection, peer: str, have: int) -> None:
    """Drops what the peer has acknowledged."""
    if have <= 0:
        return
    said = last_said(connection, peer)
    if have > said:
        _continue_after(connection, peer, said, have)
    else:
        connection.execute("DELETE FROM receipt_log WHERE peer = ? AND seq <= ?", (peer, have))


def after(connection: sqlite3.Connection, peer: str, seq: int, limit: int) -> list[LogRow]:
    """The statements behind a number, oldest first."""
    text = connection.execute(_AFTER, (peer, seq, limit)).fetchone()[0]
    return [
        LogRow(n, id_, state, float(at), channel, attempt, detail)
        for n, id_, state, at, channel, attempt, detail in json.loads(text)
    ]


def waiting_states(connection: sqlite3.Connection, peer: str, ids: Sequence[str]) -> set[tuple[str, str]]:
    """(id, state) of the statements about these messages that wait in the peer's log."""
    if not ids:
        return set()
    wanted = json.dumps(list(ids))
    return set(
        connection.execute(
            "SELECT message_id, state FROM receipt_log WHERE peer = ?"
            " AND message_id IN (SELECT value FROM json_each(?))",
            (peer, wanted),
        )
    )


def _note_said(connection: sqlite3.Connection, peer: str, said: int) -> None:
    connection.execute(
        "INSERT INTO peers_seq (peer, said) VALUES (?, ?)"
        " ON CONFLICT (peer) DO UPDATE SET said = excluded.said",
        (peer, said),
    )


def _continue_after(connection: sqlite3.Connection, peer: str, said: int, have: int) -> None:
    """The peer remembers more than this store ever said: ours is new. What waits gets numbers it lacks."""
    if have > _LARGEST_SEQ - 2**32:
        return
    # Through negative numbers, because the old and the new range may overlap.
    connection.execute("UPDATE receipt_log SET seq = -seq WHERE peer = ?", (peer,))
    connection.execute("UPDATE receipt_log SET seq = ? - seq WHERE peer = ?", (have, peer))
    _note_said(connection, peer, have + said)
