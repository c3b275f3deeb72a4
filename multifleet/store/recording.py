"""Takes statements in: events, what they mean to the outbox, and how far the peer's log is here, together."""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

from multifleet.store.gathering import runs_after
from multifleet.store.outbox_writes import apply_changes
from multifleet.store.receipt_writes import insert_receipts, move_have
from multifleet.store.rows import OutboxChange, ReceiptRow


@dataclass(frozen=True, slots=True)
class Record:
    """One call: nothing of it is on disk without the rest."""

    rows: Sequence[ReceiptRow]
    changes: Sequence[OutboxChange]
    peer: str | None
    have: int | None


@runs_after
def record_all(connection: sqlite3.Connection, records: Sequence[Record]) -> Sequence[None]:
    """Records everything in the open transaction."""
    insert_receipts(connection, list(chain.from_iterable(record.rows for record in records)))
    apply_changes(connection, [record.changes for record in records])
    have: dict[str, int] = {}
    for record in records:
        if record.peer is not None and record.have is not None:
            have[record.peer] = max(record.have, have.get(record.peer, 0))
    move_have(connection, have)
    return [None] * len(records)
