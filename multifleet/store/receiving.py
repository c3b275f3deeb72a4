"""Takes frames in: nonce, acknowledgement, messages and the statements about them, in one transaction.

The tables, inside the transaction, say what is a replay or a duplicate; no cache does.
"""

import sqlite3
from collections.abc import Sequence

from multifleet.store import receipt_log
from multifleet.store.bulk import Bulk
from multifleet.store.columns import listed, values_of
from multifleet.store.receipt_log import Statement
from multifleet.store.rows import InboundFrame, InboxRow, LogRow, Received

_values = values_of(InboxRow, without=("row",))
_present = Bulk(
    "SELECT id, state, state_at, channel, attempt, detail FROM inbox WHERE (id, sender) IN (VALUES {rows})", 2
)
_insert = Bulk(
    f"INSERT INTO inbox ({listed(InboxRow, without=('row',))}) VALUES {{rows}} ON CONFLICT DO NOTHING",
    len(InboxRow.__match_args__) - 1,
)


def receive_frames(connection: sqlite3.Connection, frames: Sequence[InboundFrame]) -> Sequence[Received]:
    """Takes each frame, in order."""
    return [_receive(connection, frame) for frame in frames]


def _receive(connection: sqlite3.Connection, frame: InboundFrame) -> Received:
    new = connection.execute(
        "INSERT INTO nonces (sender, nonce, keep_until) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
        (frame.sender, frame.nonce, frame.keep_until),
    ).rowcount
    known = _known(connection, frame)
    if not new:
        return _replayed(frame, known)
    receipt_log.forget(connection, frame.sender, frame.have)
    results: list[str] = []
    states: list[str] = []
    fresh: dict[str, InboxRow] = {}
    for row in frame.rows:
        if row.id in known or row.id in fresh:
            results.append("duplicate")
            states.append(known[row.id].state if row.id in known else fresh[row.id].state)
        else:
            fresh[row.id] = row
            results.append("stored")
            states.append(row.state)
    _insert.run(connection, [_values(row) for row in fresh.values()])
    log = _say(connection, frame, fresh, known)
    return Received(False, tuple(results), tuple(states), tuple(log))


def _known(connection: sqlite3.Connection, frame: InboundFrame) -> dict[str, Statement]:
    """The messages of the frame that are here, as statements of their current state."""
    found = _present.fetch(connection, [(row.id, frame.sender) for row in frame.rows])
    return {known[0]: Statement(*known) for known in found}


def _replayed(frame: InboundFrame, known: dict[str, Statement]) -> Received:
    found = [known.get(row.id) for row in frame.rows]
    results = tuple("unknown" if one is None else "duplicate" for one in found)
    return Received(True, results, tuple(None if one is None else one.state for one in found), ())


def _say(
    connection: sqlite3.Connection,
    frame: InboundFrame,
    fresh: dict[str, InboxRow],
    known: dict[str, Statement],
) -> list[LogRow]:
    """Appends what is to be said about the frame's messages; returns what the peer lacks."""
    repeated = [*known, *(refusal.id for refusal in frame.refused)]
    waiting = receipt_log.waiting_states(connection, frame.sender, repeated)
    said_of = {id_ for id_, _ in waiting}
    statements = [
        Statement(row.id, row.state, row.stored_at, row.channel, row.attempt, row.detail)
        for row in fresh.values()
    ]
    statements += [known_one for id_, known_one in known.items() if id_ not in said_of]
    statements += [
        Statement(refusal.id, refusal.state, frame.at, refusal.channel, refusal.attempt, refusal.detail)
        for refusal in frame.refused
        if (refusal.id, refusal.state) not in waiting
    ]
    before = receipt_log.last_said(connection, frame.sender)
    added = receipt_log.append(connection, frame.sender, statements)
    if frame.have >= before:
        return added[: receipt_log.MOST_ROWS]
    return receipt_log.after(connection, frame.sender, frame.have, receipt_log.MOST_ROWS)
