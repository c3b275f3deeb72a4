"""The receipt log: what this node has stated to each peer and the peer has not acknowledged. Numbers are per
peer, from 1, without gaps, and never used twice. Runs inside the writer's transactions.
"""

import json
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from multifleet.store.bulk import Bulk
from multifleet.store.rows import LogRow

MOST_ROWS = 256
"""Statements in one frame at most."""

_LARGEST_HAVE = 2**52
"""An acknowledgement beyond is nonsense: numbers have to stay exact in JSON."""

_insert = Bulk("INSERT INTO receipt_log (peer, seq, message_id, state, at, channel, attempt, detail) VALUES {rows}", 8)
_said = Bulk("WITH c (peer) AS (VALUES {rows}) SELECT peer, said FROM c CROSS JOIN peers_seq USING (peer)", 1)
_note_said = Bulk(
    "INSERT INTO peers_seq (peer, said) VALUES {rows} ON CONFLICT (peer) DO UPDATE SET said = excluded.said",
    2,
)
# One JSON text instead of rows, because each row would be a step. %.17g keeps every bit of a float.
_ROWS = (
    "SELECT json_group_array(json_array("
    "seq, message_id, state, printf('%!.17g', at), channel, attempt, detail)) FROM"
    " (SELECT * FROM receipt_log WHERE peer = ? AND seq > ? AND {} ORDER BY seq LIMIT ?)"
)
_AFTER = _ROWS.format("TRUE")
_OLDER = _ROWS.format("NOT (state = 'stored' AND at > ?)")


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement that has no number yet."""

    message_id: str
    state: str
    at: float
    channel: str | None
    attempt: int
    detail: str | None


class LogBatch:
    """Numbers the statements of one transaction and writes them at once, on `flush`."""

    def __init__(self, connection: sqlite3.Connection, peers: Iterable[str]) -> None:
        self._connection = connection
        self._said = dict.fromkeys(peers, 0) | dict(_said.fetch(connection, [(peer,) for peer in set(peers)]))
        self._rows: list[tuple[Any, ...]] = []
        self._changed: set[str] = set()

    def said(self, peer: str) -> int:
        """The last number given to a peer; 0 if none was."""
        return self._said[peer]

    def forget(self, peer: str, have: int) -> None:
        """Drops what the peer has acknowledged; only before the first `append`."""
        said = self._said[peer]
        if have > said:
            self._continue_after(peer, have)
        elif have > 0:
            self._connection.execute("DELETE FROM receipt_log WHERE peer = ? AND seq <= ?", (peer, have))

    def append(self, peer: str, statements: Sequence[Statement]) -> list[LogRow]:
        """Numbers statements and adds them to the peer's log."""
        added: list[LogRow] = []
        seq = self._said[peer]
        for s in statements:
            seq += 1
            self._rows.append((peer, seq, s.message_id, s.state, s.at, s.channel, s.attempt, s.detail))
            added.append(LogRow(seq, s.message_id, s.state, s.at, s.channel, s.attempt, s.detail))
        if added:
            self._said[peer] = seq
            self._changed.add(peer)
        return added

    def flush(self) -> None:
        """Writes everything."""
        _insert.run(self._connection, self._rows)
        _note_said.run(self._connection, [(peer, self._said[peer]) for peer in self._changed])

    def _continue_after(self, peer: str, have: int) -> None:
        """The peer has more than this store ever said: ours is new. What waits gets numbers it lacks."""
        if have > _LARGEST_HAVE:
            return
        # Through negative numbers, because the old and the new range may overlap.
        self._connection.execute("UPDATE receipt_log SET seq = -seq WHERE peer = ?", (peer,))
        self._connection.execute("UPDATE receipt_log SET seq = ? - seq WHERE peer = ?", (have, peer))
        self._said[peer] += have
        self._changed.add(peer)


def after(connection: sqlite3.Connection, peer: str, seq: int, limit: int) -> list[LogRow]:
    """The statements behind a number, oldest first."""
    return _as_rows(connection.execute(_AFTER, (peer, seq, limit)).fetchone()[0])


def overdue(connection: sqlite3.Connection, peer: str, seq: int, since: float, limit: int) -> list[LogRow]:
    """The same, but without `stored` said after `since`: the answer that says it is still on its way."""
    return _as_rows(connection.execute(_OLDER, (peer, seq, since, limit)).fetchone()[0])


def waiting_states(connection: sqlite3.Connection, peer: str, ids: Sequence[str]) -> set[tuple[str, str]]:
    """(id, state) of the statements about these messages that wait in the peer's log."""
    if not ids:
        return set()
    sql = "SELECT message_id, state FROM receipt_log WHERE peer = ? AND message_id IN (SELECT value FROM json_each(?))"
    return set(connection.execute(sql, (peer, json.dumps(ids))))


def _as_rows(text: str) -> list[LogRow]:
    return [
        LogRow(seq, id_, state, float(at), channel, attempt, detail)
        for seq, id_, state, at, channel, attempt, detail in json.loads(text)
    ]
