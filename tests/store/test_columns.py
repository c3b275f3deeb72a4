import sqlite3
from pathlib import Path

from msgspec.structs import fields

from multifleet.store import rows
from multifleet.store.columns import listed, names, values_of
from multifleet.store.database import Database
from multifleet.store.rows import LogRow, OutboxChange

TABLES = {
    "outbox": rows.OutboxRow,
    "receipts": rows.ReceiptRow,
    "inbox": rows.InboxRow,
    "receipt_log": rows.LogRow,
    "peers": rows.PeerRow,
    "channel_health": rows.HealthRow,
    "seats": rows.SeatRow,
    "offers": rows.OfferRow,
    "invites": rows.InviteRow,
    "roster_documents": rows.RosterRow,
}


def test_columns_and_values_are_in_the_order_of_the_fields() -> None:
    assert names(LogRow, without=("seq",))[:2] == ("message_id", "state")
    assert listed(LogRow, without=("at", "channel", "attempt", "detail")) == '"seq", "message_id", "state"'
    change = OutboxChange("i", "p", "sent", None, True, 2.0)
    assert values_of(OutboxChange)(change) == ("i", "p", "sent", None, True, 2.0)


def test_every_row_is_a_frozen_value_and_its_table_has_its_columns(tmp_path: Path) -> None:
    database = Database.open(tmp_path / "store.db")

    def columns(connection: sqlite3.Connection) -> dict[str, list[str]]:
        return {t: [row[1] for row in connection.execute(f"PRAGMA table_info({t})")] for t in TABLES}

    made = database.read_now(columns)
    database.close()
    for table, row in TABLES.items():
        assert row.__struct_config__.frozen
        assert set(made[table]) >= {field.name for field in fields(row)}, table
