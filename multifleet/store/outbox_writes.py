"""What the writer does to the outbox: rows in with their first receipt, states forward, never back."""

import sqlite3
from collections.abc import Sequence
from itertools import chain
from typing import Any

from multifleet.store.bulk import Bulk
from multifleet.store.columns import listed, values_of
from multifleet.store.gathering import runs_after, runs_first
from multifleet.store.receipt_writes import insert_receipts
from multifleet.store.rows import OutboxChange, OutboxRow, ReceiptRow

RANKS = {
    "queued": 0,
    "sent": 1,
    "undeliverable": 2,
    "stored": 3,
    "offering": 3,
    "offered": 4,
    "held": 4,
    "refused": 5,
    "expired": 5,
    "seen": 6,
    "answered": 7,
}
"""A row moves to the same or a higher rank; out of a failure also to any from `stored` on, and from `held` back to
`stored` where its recipient says why: the session that held it is no more."""

REASON_LIMIT = 4_000
"""Characters of a reason that are kept."""

_RANK = "CASE {} " + " ".join(f"WHEN '{state}' THEN {rank}" for state, rank in RANKS.items()) + " ELSE 0 END"
_OLD, _NEW = _RANK.format("outbox.state"), _RANK.format("c.state")

_values = values_of(OutboxRow, without=("row",))
# CROSS JOIN, because else the planner may scan the table instead of looking each key up.
_present = Bulk("WITH c (id, peer) AS (VALUES {rows}) SELECT id, peer FROM c CROSS JOIN outbox USING (id, peer)", 2)
_insert = Bulk(
    f"INSERT INTO outbox ({listed(OutboxRow, without=('row',))}) VALUES {{rows}}",
    len(OutboxRow.__match_args__) - 1,
)
_tails = Bulk(
    "INSERT INTO threads (key, n, last_id) VALUES {rows} ON CONFLICT (key) DO UPDATE"
    " SET n = excluded.n, last_id = excluded.last_id WHERE excluded.n > n",
    3,
)
_update = Bulk(
    "WITH c (id, peer, state, reason, unknown_outcome, closed_at) AS (VALUES {rows})"
    " UPDATE outbox SET state = c.state, reason = c.reason,"
    " unknown_outcome = coalesce(c.unknown_outcome, outbox.unknown_outcome),"
    " closed_at = coalesce(outbox.closed_at, c.closed_at)"
    " FROM c WHERE outbox.id = c.id AND outbox.peer = c.peer AND"
    f" ({_NEW} >= {_OLD} OR ({_NEW} >= 3 AND outbox.state IN ('expired', 'undeliverable', 'refused'))"
    " OR (outbox.state = 'held' AND c.state = 'stored' AND c.reason IS NOT NULL))",
    6,
)


@runs_first
def add_rows(connection: sqlite3.Connection, added: Sequence[tuple[OutboxRow, ReceiptRow, str]]) -> Sequence[bool]:
    """Inserts (row, receipt, thread key); False for a row that was there."""
    keys = [(row.id, row.peer) for row, _, _ in added]
    present = set(_present.fetch(connection, keys))
    fresh: list[bool] = []
    for key in keys:
        fresh.append(key not in present)
        present.add(key)
    new = [item for item, is_new in zip(added, fresh, strict=True) if is_new]
    if new:
        _insert.run(connection, [_values(row) for row, _, _ in new])
        insert_receipts(connection, [receipt for _, receipt, _ in new])
        tails: dict[str, tuple[str, int, str]] = {}
        for row, _, key_ in new:
            if key_ not in tails or tails[key_][1] < row.n:
                tails[key_] = (key_, row.n, row.id)
        _tails.run(connection, list(tails.values()))
    return fresh


@runs_after
def apply_changes(connection: sqlite3.Connection, changes: Sequence[Sequence[OutboxChange]]) -> Sequence[None]:
    """Moves rows forward; of several changes of one row the later comes after the earlier."""
    waiting = list(chain.from_iterable(changes))
    while waiting:
        # UPDATE ... FROM takes any one of several matches: a second change of a row waits for the next round.
        now: dict[tuple[str, str], OutboxChange] = {}
        again: list[OutboxChange] = []
        for change in waiting:
            if now.setdefault((change.id, change.peer), change) is not change:
                again.append(change)
        _update.run(connection, [_of_change(change) for change in now.values()])
        waiting = again
    return [None] * len(changes)


def reopen_rows(
    connection: sqlite3.Connection, wanted: Sequence[tuple[str, str, int, bytes, ReceiptRow]]
) -> Sequence[bool]:
    """Opens rows that ended without success (id, peer, expires, packet, receipt) again."""
    opened: list[bool] = []
    for id_, peer, expires, packet, receipt in wanted:
        found = connection.execute(
            "UPDATE outbox SET state = 'queued', reason = NULL, closed_at = NULL, expires = ?, packet = ?"
            " WHERE id = ? AND peer = ? AND closed_at IS NOT NULL"
            " AND state IN ('expired', 'undeliverable', 'refused')",
            (expires, packet, id_, peer),
        ).rowcount
        if found:
            insert_receipts(connection, [receipt])
        opened.append(bool(found))
    return opened


def _of_change(change: OutboxChange) -> tuple[Any, ...]:
    reason = change.reason[:REASON_LIMIT] if change.reason else change.reason
    return (change.id, change.peer, change.state, reason, change.unknown_outcome, change.closed_at)
