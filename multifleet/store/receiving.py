"""Takes frames in: nonces, acknowledgements, messages and the statements about them, in one transaction.

The tables, inside the transaction, say what is a replay or a duplicate; no cache does.
"""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

from multifleet.core.inbox_share import weight
from multifleet.store import receipt_log
from multifleet.store.bulk import Bulk
from multifleet.store.columns import listed, names, values_of
from multifleet.store.gathering import runs_first
from multifleet.store.receipt_log import LogBatch, Statement
from multifleet.store.rows import OWN_ID, InboundFrame, InboxRow, LogRow, Received, Refusal

_NEVER = 1e300
"""A moment after all others; SQLite has no word for an infinite one."""
_OLDER_FOR_EACH, _OLDER_AT_LEAST = 4, 8
"""Statements that an answer repeats, for each message of its request and in any case."""
_UNDER_WAY = 1.0
"""Seconds in which an answer arrives or is lost; its `stored` is not said again before."""

_Key = tuple[str, str]

# CROSS JOIN, because else the planner may scan the table instead of looking each key up.
_known_nonces = Bulk(
    "WITH c (sender, nonce) AS (VALUES {rows}) SELECT sender, nonce FROM c CROSS JOIN nonces USING (sender, nonce)",
    2,
)
_add_nonces = Bulk("INSERT INTO nonces (sender, nonce, keep_until) VALUES {rows}", 3)
_known_rows = Bulk(
    "WITH c (id, sender) AS (VALUES {rows})"
    " SELECT sender, id, state, state_at, channel, attempt, detail"
    " FROM c CROSS JOIN inbox USING (id, sender)",
    2,
)
_own_ids = Bulk("WITH c (id) AS (VALUES {rows}) SELECT DISTINCT id FROM c CROSS JOIN outbox USING (id)", 1)
_values = values_of(InboxRow, without=("row",))
_insert = Bulk(f"INSERT INTO inbox ({listed(InboxRow, without=('row',))}) VALUES {{rows}}", len(names(InboxRow)) - 1)


_shares = Bulk(
    "INSERT INTO inbox_shares (sender, size) VALUES {rows}"
    " ON CONFLICT (sender) DO UPDATE SET size = inbox_shares.size + excluded.size",
    2,
)


@dataclass(slots=True)
class _Batch:
    """What the frames of one transaction share."""

    connection: sqlite3.Connection
    log: LogBatch
    known: dict[_Key, Statement]
    own: set[str]
    """Ids that messages sent from here have."""
    older: dict[str, list[LogRow]]
    fresh: list[InboxRow]
    said: set[_Key]
    """Messages of which this transaction has said something."""


@runs_first
def receive_frames(connection: sqlite3.Connection, frames: Sequence[InboundFrame]) -> Sequence[Received]:
    """Takes the frames in order; all of them with the same few statements."""
    replays = _note_nonces(connection, frames)
    known = _known(connection, frames)
    taken = [frame for frame, replay in zip(frames, replays, strict=True) if not replay]
    log = LogBatch(connection, {frame.sender for frame in taken})
    older = _forget_and_recall(connection, log, taken, known)
    batch = _Batch(connection, log, known, _own(connection, taken, known), older, [], set())
    received = [
        _replayed(frame, known) if replay else _take(batch, frame)
        for frame, replay in zip(frames, replays, strict=True)
    ]
    _insert.run(connection, [_values(row) for row in batch.fresh])
    _add_to_shares(connection, batch.fresh)
    log.flush()
    return received


def _add_to_shares(connection: sqlite3.Connection, fresh: Sequence[InboxRow]) -> None:
    more: dict[str, int] = {}
    for row in fresh:
        more[row.sender] = more.get(row.sender, 0) + weight(row.body)
    _shares.run(connection, list(more.items()))


def _note_nonces(connection: sqlite3.Connection, frames: Sequence[InboundFrame]) -> list[bool]:
    """Stores the new nonces; True for each frame whose nonce was there."""
    keys = [(frame.sender, frame.nonce) for frame in frames]
    seen: set[_Key] = set(_known_nonces.fetch(connection, keys))
    replays: list[bool] = []
    new: list[tuple[str, str, int]] = []
    for frame, key in zip(frames, keys, strict=True):
        replays.append(key in seen)
        if key not in seen:
            seen.add(key)
            new.append((*key, frame.keep_until))
    _add_nonces.run(connection, new)
    return replays


def _known(connection: sqlite3.Connection, frames: Sequence[InboundFrame]) -> dict[_Key, Statement]:
    """The messages that are here, as statements of their current state."""
    keys = {(row.id, frame.sender) for frame in frames for row in frame.rows}
    return {(row[0], row[1]): Statement(*row[1:]) for row in _known_rows.fetch(connection, list(keys))}


def _own(connection: sqlite3.Connection, frames: Sequence[InboundFrame], known: dict[_Key, Statement]) -> set[str]:
    """Which ids of messages that came are taken here; what this node sends itself has one of them by right."""
    ids = {row.id for frame in frames for row in frame.rows if (frame.sender, row.id) not in known}
    return {id_ for (id_,) in _own_ids.fetch(connection, [(id_,) for id_ in sorted(ids)])}


def _forget_and_recall(
    connection: sqlite3.Connection, log: LogBatch, frames: Sequence[InboundFrame], known: dict[_Key, Statement]
) -> dict[str, list[LogRow]]:
    """Drops what was acknowledged; what each sender lacks and should have goes into its first answer."""
    have: dict[str, int] = {}
    older: dict[str, list[LogRow]] = {}
    lost_answers = {sender for sender, _ in known}
    for frame in frames:
        have[frame.sender] = max(frame.have, have.get(frame.sender, 0))
    for sender, seq in have.items():
        log.forget(sender, seq)
        if seq < log.said(sender):
            # Who sends a message again did not hear what was said of it, however short a time ago.
            since = _NEVER if sender in lost_answers else max(frame.at for frame in frames) - _UNDER_WAY
            older[sender] = receipt_log.overdue(connection, sender, seq, since, receipt_log.MOST_ROWS)
    return older


def _replayed(frame: InboundFrame, known: dict[_Key, Statement]) -> Received:
    found = [known.get((frame.sender, row.id)) for row in frame.rows]
    results = tuple("unknown" if one is None else "duplicate" for one in found)
    return Received(True, results, tuple(None if one is None else one.state for one in found), ())


def _take(batch: _Batch, frame: InboundFrame) -> Received:
    statements: list[Statement] = []
    repeated: list[Statement] = []
    results: list[str] = []
    states: list[str] = []
    refused = list(frame.refused)
    for row in frame.rows:
        key = (frame.sender, row.id)
        before = batch.known.get(key)
        if before is None and row.id in batch.own and row.to.partition("/")[0] != frame.sender:
            refused.append(Refusal(row.id, "refused", OWN_ID, row.channel, row.attempt))
            results.append("refused")
            states.append("refused")
            continue
        if before is None:
            before = Statement(row.id, row.state, row.stored_at, row.channel, row.attempt, row.detail)
            batch.known[key] = before
            batch.said.add(key)
            batch.fresh.append(row)
            statements.append(before)
            results.append("stored")
        else:
            repeated.append(before)
            results.append("duplicate")
        states.append(before.state)
    statements += _not_waiting(batch, frame, repeated, refused)
    added = batch.log.append(frame.sender, statements)
    # A short request may be all that gets through the wire: its answer is short as well.
    room = min(receipt_log.MOST_ROWS, max(_OLDER_AT_LEAST, _OLDER_FOR_EACH * len(frame.rows))) - len(added)
    older = batch.older.pop(frame.sender, [])[: max(0, room)]
    return Received(False, tuple(results), tuple(states), tuple(older + added))


def _not_waiting(
    batch: _Batch, frame: InboundFrame, repeated: Sequence[Statement], turned: Sequence[Refusal]
) -> list[Statement]:
    """What has to be said again of messages that came again, and of those turned away."""
    refused = [
        Statement(refusal.id, refusal.state, frame.at, refusal.channel, refusal.attempt, refusal.detail)
        for refusal in turned
    ]
    unsaid = [one for one in repeated if (frame.sender, one.message_id) not in batch.said]
    if not unsaid and not refused:
        return []
    ids = [one.message_id for one in unsaid + refused]
    waiting = receipt_log.waiting_states(batch.connection, frame.sender, ids)
    waiting_ids = {id_ for id_, _ in waiting}
    again = {one.message_id: one for one in unsaid if one.message_id not in waiting_ids}
    batch.said.update((frame.sender, id_) for id_ in again)
    new = {one.message_id: one for one in refused if (one.message_id, one.state) not in waiting}
    return [*again.values(), *new.values()]
