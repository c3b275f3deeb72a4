"""What the writer does to receipts: events in, each once, and how far each peer's statements are here."""

import sqlite3
from collections.abc import Sequence

from multifleet.store.bulk import Bulk
from multifleet.store.columns import listed, values_of
from multifleet.store.rows import ReceiptRow

_values = values_of(ReceiptRow)
_insert = Bulk(
    # A peer may state something only about messages that were sent to it: anything else would fill the disk.
    f"WITH said ({listed(ReceiptRow)}) AS (VALUES {{rows}}) INSERT INTO receipts ({listed(ReceiptRow)})"
    " SELECT * FROM said WHERE seq IS NULL"
    " OR EXISTS (SELECT 1 FROM outbox WHERE outbox.id = said.message_id AND outbox.peer = said.peer)"
    " ON CONFLICT DO NOTHING",
    len(ReceiptRow.__match_args__),
)
_forward = Bulk(
    "INSERT INTO peers_seq (peer, have) VALUES {rows} ON CONFLICT (peer) DO UPDATE"
    " SET have = excluded.have WHERE excluded.have > have",
    2,
)


def insert_receipts(connection: sqlite3.Connection, rows: Sequence[ReceiptRow]) -> None:
    """Adds events; a peer's statement that is there already (message, seq, state) is not added again."""
    _insert.run(connection, [_values(row) for row in rows])


def move_have(connection: sqlite3.Connection, have: dict[str, int]) -> None:
    """Notes the last statement of each peer that is here; never back."""
    if have:
        _forward.run(connection, list(have.items()))
