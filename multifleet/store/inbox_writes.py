"""What the writer does to received messages later on: states forward, statements to their senders."""

import sqlite3
from collections.abc import Sequence
from typing import Any

from multifleet.store.columns import listed
from multifleet.store.gathering import runs_after
from multifleet.store.receipt_log import LogBatch, Statement
from multifleet.store.rows import InboxChange, InboxRow

OPEN = "state IN ('stored', 'offering', 'offered', 'held')"
"""The condition of the index on open rows: a query uses that index only if it says exactly this."""

UNSAID = {"stored", "offering"}
"""States that are not said: the sender has `stored` already, and an offer is said once it was made. That it is not
held any more is said, for the sender was told that somebody is asked about it."""

_FINAL = {"expired": {"seen", "answered"}, "seen": {"answered"}, "answered": set[str]()}
"""What may come after an end: only what the transcript proves, which no notice of a client takes back."""


@runs_after
def advance_rows(
    connection: sqlite3.Connection, calls: Sequence[tuple[Sequence[InboxChange], bool]]
) -> Sequence[list[bool]]:
    """Applies changes in order; a list of what moved for each call."""
    said: dict[str, list[Statement]] = {}
    moved = [[_advance(connection, change, say, said) for change in changes] for changes, say in calls]
    _say(connection, said)
    return moved


@runs_after
def restate_rows(connection: sqlite3.Connection, calls: Sequence[Sequence[InboxChange]]) -> Sequence[set[str]]:
    """Another reason for which rows wait, stated to their senders; what is no longer stored is left as it is."""
    said: dict[str, list[Statement]] = {}
    moved = [{change.sender for change in changes if _restate(connection, change, said)} for changes in calls]
    _say(connection, said)
    return moved


def mark_rows_read(connection: sqlite3.Connection, read: Sequence[tuple[str, str, float]]) -> Sequence[bool]:
    """Marks (sender, id, at) as read; False where nothing changed."""
    sql = "UPDATE inbox SET read_at = ? WHERE id = ? AND sender = ? AND read_at IS NULL"
    return [connection.execute(sql, (at, id_, sender)).rowcount > 0 for sender, id_, at in read]


def expire_rows(connection: sqlite3.Connection, calls: Sequence[float]) -> Sequence[list[InboxRow]]:
    """Ends rows that were never offered and whose time is over."""
    return [_expire(connection, now) for now in calls]


def _advance(connection: sqlite3.Connection, change: InboxChange, say: bool, said: dict[str, list[Statement]]) -> bool:
    found = connection.execute(
        "SELECT state, detail, channel, attempt FROM inbox WHERE id = ? AND sender = ?",
        (change.id, change.sender),
    ).fetchone()
    if found is None:
        return False
    state, detail, channel, attempt = found
    if (state, detail) == (change.state, change.detail) or change.state not in _FINAL.get(state, {change.state}):
        return False
    connection.execute(_update_for(change), _values_for(change))
    if say and (change.state not in UNSAID or (state, change.state) == ("held", "stored")):
        said.setdefault(change.sender, []).append(
            Statement(
                change.id,
                change.state,
                change.at,
                change.channel if change.channel is not None else channel,
                change.attempt if change.attempt is not None else attempt,
                change.detail,
            )
        )
    return True


def _restate(connection: sqlite3.Connection, change: InboxChange, said: dict[str, list[Statement]]) -> bool:
    found = connection.execute(
        "UPDATE inbox SET detail = ? WHERE id = ? AND sender = ? AND state = 'stored' AND detail IS NOT ?"
        " RETURNING channel, attempt",
        (change.detail, change.id, change.sender, change.detail),
    ).fetchone()
    if found is None:
        return False
    channel, attempt = found
    said.setdefault(change.sender, []).append(
        Statement(change.id, "stored", change.at, channel, attempt, change.detail)
    )
    return True


def _update_for(change: InboxChange) -> str:
    # A message that goes back to be offered again belongs to no session and no offer.
    keep = "?, offer = ?" if change.state == "stored" else "coalesce(?, session), offer = coalesce(?, offer)"
    return f"UPDATE inbox SET state = ?, state_at = ?, detail = ?, session = {keep} WHERE id = ? AND sender = ?"


def _values_for(change: InboxChange) -> tuple[Any, ...]:
    return change.state, change.at, change.detail, change.session, change.offer, change.id, change.sender


def _expire(connection: sqlite3.Connection, now: float) -> list[InboxRow]:
    rows = [
        InboxRow(*found)
        for found in connection.execute(
            f"SELECT {listed(InboxRow)} FROM inbox WHERE {OPEN} AND state = 'stored' AND expires <= ? ORDER BY row",
            (int(now),),
        ).fetchall()
    ]
    said: dict[str, list[Statement]] = {}
    for row in rows:
        said.setdefault(row.sender, []).append(
            Statement(row.id, "expired", now, row.channel, row.attempt, "it was not offered in time")
        )
    connection.execute(
        "UPDATE inbox SET state = 'expired', state_at = ?, detail = 'it was not offered in time'"
        f" WHERE {OPEN} AND state = 'stored' AND expires <= ?",
        (now, int(now)),
    )
    _say(connection, said)
    return rows


def _say(connection: sqlite3.Connection, said: dict[str, list[Statement]]) -> None:
    log = LogBatch(connection, said)
    for sender, statements in said.items():
        log.append(sender, statements)
    log.flush()
