"""Every question that is asked often is answered from an index: its cost does not grow with the history."""

import sqlite3
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from multifleet.store import opening
from multifleet.store.rows import InboxChange, OutboxChange
from multifleet.store.store import Store
from tests.store.conftest import NOW
from tests.store.made import frame, outbox_row, queued, receipt

BIG_TABLES = ("outbox", "inbox", "receipts", "nonces", "receipt_log")
WRITES: list[Callable[[Store], Awaitable[Any]]] = [
    lambda store: store.outbox.add(outbox_row("a"), queued(outbox_row("a"))),
    lambda store: store.outbox.change([OutboxChange("a", "mac2", "sent")]),
    lambda store: store.outbox.reopen("a", "mac2", 1, b"{}", queued(outbox_row("a"))),
    lambda store: store.receipts.record([receipt("a", "stored", 1)], [OutboxChange("a", "mac2", "stored")], "mac2", 1),
    lambda store: store.inbox.receive(frame("n1", "a", have=1)),
    lambda store: store.inbox.receive(frame("n2", "a", "b", have=1)),
    lambda store: store.inbox.advance([InboxChange("mac1", "a", "offered", 1.0)]),
    lambda store: store.inbox.restate([InboxChange("mac1", "a", "stored", 1.0, "it waits")]),
    lambda store: store.inbox.mark_read("mac1", "a", 1.0),
    lambda store: store.inbox.expire(1.0),
]
READS: list[Callable[[Store], Awaitable[Any]]] = [
    lambda store: store.outbox.waiting("mac2", (1, 1), 64),
    lambda store: store.outbox.counts(),
    lambda store: store.outbox.dead_count(),
    lambda store: store.outbox.dead(20),
    lambda store: store.outbox.get("a"),
    lambda store: store.outbox.find("0190"),
    lambda store: store.outbox.listing(20),
    lambda store: store.outbox.due_to_expire(1.0),
    lambda store: store.outbox.next_expiry(),
    lambda store: store.receipts.of("a"),
    lambda store: store.receipts.listing(20),
    lambda store: store.inbox.waiting(64, 1.0),
    lambda store: store.inbox.heads(64, 1.0),
    lambda store: store.inbox.waiting_at("api", 64, 1.0),
    lambda store: store.inbox.unread_count(),
    lambda store: store.inbox.in_flight(),
    lambda store: store.inbox.get(None, "a"),
    lambda store: store.inbox.get("mac1", "a"),
    lambda store: store.inbox.find("0190"),
    lambda store: store.inbox.log_after("mac1", 1),
    lambda store: store.nonces.is_known("mac1", "n1"),
]


def scans(path: Path, statements: list[str]) -> list[str]:
    """The steps of the plans that read a big table from end to end without an index or a limit."""
    connection = sqlite3.connect(path)
    found = []
    for sql in statements:
        for step in connection.execute(f"EXPLAIN QUERY PLAN {sql}").fetchall():
            words = step[3].split()
            if words[0] == "SCAN" and words[1] in BIG_TABLES and "USING" not in words:
                found.append(f"{step[3]}: {sql}")
    connection.close()
    return found


async def test_no_frequent_write_reads_a_whole_table(tmp_path: Path) -> None:
    store = Store.open(tmp_path, NOW)
    traced: list[str] = []
    connection = store.database._writer._connection
    assert connection is not None
    connection.set_trace_callback(traced.append)
    for ask in WRITES:
        await ask(store)
    await store.aclose()
    statements = [sql for sql in traced if sql.startswith(("SELECT", "UPDATE", "DELETE", "WITH"))]
    assert len(statements) >= len(WRITES)
    assert scans(tmp_path / "store.db", statements) == []


async def test_no_frequent_question_reads_a_whole_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    traced: list[str] = []

    def connect(path: Path) -> sqlite3.Connection:
        connection = opening.connect_reader(path)
        connection.set_trace_callback(traced.append)
        return connection

    monkeypatch.setattr("multifleet.store.database.connect_reader", connect)
    store = Store.open(tmp_path, NOW)
    for ask in READS:
        await ask(store)
    await store.aclose()
    statements = [sql for sql in traced if sql.startswith(("SELECT", "WITH")) and "ORDER BY row DESC LIMIT" not in sql]
    assert len(statements) >= len(READS) - 3
    assert scans(tmp_path / "store.db", statements) == []
