import asyncio

import pytest
from msgspec.structs import replace

from multifleet.store.outbox import thread_key
from multifleet.store.rows import OutboxChange, OutboxRow
from multifleet.store.store import Store
from tests.store.conftest import writer_held
from tests.store.made import outbox_row, queued


async def add(store: Store, *rows: OutboxRow) -> list[bool]:
    return list(await asyncio.gather(*(store.outbox.add(row, queued(row)) for row in rows)))


async def ids(rows: list[OutboxRow]) -> list[str]:
    return [row.id for row in rows]


async def test_a_row_comes_back_as_it_was_given(store: Store) -> None:
    row = outbox_row("a", thread="t", n=3, prev="z", packet=b"\0\xff", reason="asleep", unknown_outcome=True)
    assert await add(store, row) == [True]
    assert await store.outbox.get("a") == [replace(row, row=1)]


async def test_the_same_message_to_the_same_peer_is_taken_once_and_its_retry_changes_nothing(
    store: Store,
) -> None:
    first = outbox_row("a", packet=b"first")
    assert await add(store, first) == [True]
    assert await add(store, outbox_row("a", packet=b"second", n=9)) == [False]
    async with writer_held(store.database):
        row = outbox_row("b", n=2)
        together = asyncio.gather(*(store.outbox.add(row, queued(row)) for _ in range(3)))
    assert await together == [True, False, False]
    assert [row.packet for row in await store.outbox.get("a")] == [b"first"]
    assert len(await store.receipts.of("a")) == len(await store.receipts.of("b")) == 1
    assert await store.outbox.thread_tail(thread_key("mac1/web", "mac2/api", None)) == (2, "b")


async def test_a_broadcast_is_a_row_for_each_recipient(store: Store) -> None:
    assert await add(store, outbox_row("a", "mac2"), outbox_row("a", "mac3")) == [True, True]
    assert [row.peer for row in await store.outbox.get("a")] == ["mac2", "mac3"]
    assert await store.outbox.counts() == {"mac2": 1, "mac3": 1}


async def test_a_thread_remembers_its_last_message_and_never_goes_back(store: Store) -> None:
    key = thread_key("mac1/web", "mac2/api", "t")
    assert await store.outbox.thread_tail(key) == (0, None)
    await add(store, outbox_row("b", thread="t", n=2), outbox_row("a", thread="t", n=1))
    assert await store.outbox.thread_tail(key) == (2, "b")
    await add(store, outbox_row("late", thread="t", n=1))
    assert await store.outbox.thread_tail(key) == (2, "b")
    assert await store.outbox.thread_tail(thread_key("mac1/web", "mac2/api", None)) == (0, None)


async def test_waiting_rows_come_by_tier_and_then_by_age_from_where_one_stopped(store: Store) -> None:
    for id_, tier in [("a", 2), ("b", 1), ("c", 0), ("d", 1), ("e", 2)]:
        await add(store, outbox_row(id_, tier=tier))
    await add(store, outbox_row("other", "mac3", tier=0))
    await store.outbox.change([OutboxChange("d", "mac2", "stored", closed_at=5.0)])
    first = await store.outbox.waiting("mac2", None, 2)
    assert await ids(first) == ["c", "b"]
    rest = await store.outbox.waiting("mac2", (first[-1].tier, first[-1].row), 10)
    assert await ids(rest) == ["a", "e"]
    assert await store.outbox.waiting("mac2", (rest[-1].tier, rest[-1].row), 10) == []


@pytest.mark.parametrize(
    ("steps", "state"),
    [
        (["sent", "stored", "offered", "seen", "answered"], "answered"),
        (["stored", "sent"], "stored"),  # our own note comes after the peer's word
        (["seen", "held"], "seen"),  # a late notice of the client
        (["answered", "expired"], "answered"),
        (["offered", "stored"], "offered"),
        (["expired", "stored"], "stored"),  # it had arrived all the same
        (["undeliverable", "stored"], "stored"),
        (["undeliverable", "sent"], "undeliverable"),
        (["refused", "queued"], "refused"),
        (["stored", "undeliverable"], "stored"),
        (["offered", "held", "stored"], "stored"),  # the session that held it has ended
    ],
)
async def test_a_state_moves_up_the_rungs_only(store: Store, steps: list[str], state: str) -> None:
    await add(store, outbox_row("a"))
    for step in steps:
        await store.outbox.change([OutboxChange("a", "mac2", step, step)])
    assert [(row.state, row.reason) for row in await store.outbox.get("a")] == [(state, state)]


async def test_what_is_held_stays_so_after_a_word_that_came_late(store: Store) -> None:
    await add(store, outbox_row("a"))
    for step in ("held", "stored"):
        await store.outbox.change([OutboxChange("a", "mac2", step)])
    assert [row.state for row in await store.outbox.get("a")] == ["held"]


async def test_several_changes_of_one_row_in_one_batch_are_made_in_order(store: Store) -> None:
    await add(store, outbox_row("a"), outbox_row("b"))
    store.outbox.change_later([OutboxChange("a", "mac2", "sent", "one"), OutboxChange("a", "mac2", "sent", "two")])
    store.outbox.change_later([OutboxChange("b", "mac2", "sent", "b"), OutboxChange("a", "mac2", "sent", "three")])
    assert [row.reason for row in [*await store.outbox.get("a"), *await store.outbox.get("b")]] == [
        "three",
        "b",
    ]


async def test_what_a_change_does_not_name_keeps_its_value(store: Store) -> None:
    await add(store, outbox_row("a"))
    await store.outbox.change([OutboxChange("a", "mac2", "sent", None, unknown_outcome=True)])
    await store.outbox.change([OutboxChange("a", "mac2", "stored", None, closed_at=5.0)])
    await store.outbox.change([OutboxChange("a", "mac2", "seen", None, False, closed_at=9.0)])
    (row,) = await store.outbox.get("a")
    assert (row.unknown_outcome, row.closed_at, row.state) == (False, 5.0, "seen")
    await store.outbox.change([OutboxChange("unknown", "mac2", "sent")])


async def test_a_closed_row_can_be_opened_for_another_try(store: Store) -> None:
    row = outbox_row("a", expires=2_000)
    await add(store, row)
    again = replace(queued(row), detail="tried again")
    assert not await store.outbox.reopen("a", "mac2", 9_000, b"{1}", again)
    await store.outbox.change([OutboxChange("a", "mac2", "expired", "too late", closed_at=2_000.0)])
    assert await ids(await store.outbox.dead(10)) == ["a"]
    assert await store.outbox.counts() == {}
    assert await store.outbox.reopen("a", "mac2", 9_000, b"{1}", again)
    (opened,) = await store.outbox.waiting("mac2", None, 10)
    assert (opened.state, opened.expires, opened.reason) == ("queued", 9_000, None)
    assert opened.packet == b"{1}"
    assert [one.detail for one in await store.receipts.of("a")] == [None, "tried again"]
    assert not await store.outbox.reopen("unknown", "mac2", 9_000, b"{1}", again)


async def test_expiry_looks_at_open_rows_only(store: Store) -> None:
    assert await store.outbox.next_expiry() is None
    await add(store, outbox_row("a", expires=3_000), outbox_row("b", expires=2_000), outbox_row("c", expires=1_000))
    await store.outbox.change([OutboxChange("c", "mac2", "stored", closed_at=1.0)])
    assert await store.outbox.next_expiry() == 2_000
    assert await ids(await store.outbox.due_to_expire(1_999.9)) == []
    assert await ids(await store.outbox.due_to_expire(3_000.0)) == ["b", "a"]


async def test_listings_are_newest_first_and_short(store: Store) -> None:
    for n in range(4):
        await add(store, outbox_row(f"m{n}", "mac3" if n == 2 else "mac2"))
    assert await ids(await store.outbox.listing(2)) == ["m3", "m2"]
    assert await ids(await store.outbox.listing(9, "mac2")) == ["m3", "m1", "m0"]
    assert await store.outbox.dead(9) == []


async def test_ids_are_found_by_their_beginning(store: Store) -> None:
    await add(store, outbox_row("0190-aa"), outbox_row("0190-ab"), outbox_row("0191"), outbox_row("0190-aa", "mac3"))
    assert await store.outbox.find("0190") == ["0190-aa", "0190-ab"]
    assert await store.outbox.find("0191") == ["0191"]
    assert await store.outbox.find("%") == []
    assert len(await store.outbox.find("")) == 3
