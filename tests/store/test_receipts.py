from pathlib import Path

from multifleet.store.rows import OutboxChange
from multifleet.store.store import Store
from tests.store.conftest import NOW
from tests.store.made import outbox_row, queued, receipt


async def test_the_events_of_a_message_come_in_the_order_of_their_time(store: Store) -> None:
    row, other = outbox_row("a"), outbox_row("b")
    await store.outbox.add(row, queued(row))
    await store.outbox.add(other, queued(other))
    await store.receipts.record([receipt("a", "seen", 3), receipt("a", "stored", 1)])
    await store.receipts.record([receipt("a", "offered", 2), receipt("b", "stored", 4)])
    assert await store.receipts.of("a") == [
        queued(row),
        receipt("a", "stored", 1),
        receipt("a", "offered", 2),
        receipt("a", "seen", 3),
    ]
    assert [one.message_id for one in await store.receipts.listing(2)] == ["b", "a"]


async def test_a_statement_that_came_twice_is_kept_once_and_what_this_node_saw_every_time(
    store: Store,
) -> None:
    for peer in ("mac2", "mac3"):
        row = outbox_row("a", peer)
        await store.outbox.add(row, queued(row))
    await store.receipts.record([receipt("a", "stored", 1), receipt("a", "stored", 1)])
    await store.receipts.record([receipt("a", "stored", 1, mac="f" * 64), receipt("a", "stored", 1, peer="mac3")])
    await store.receipts.record([receipt("a", "sent", None), receipt("a", "sent", None)])
    assert [(one.peer, one.seq) for one in await store.receipts.of("a")] == [
        ("mac2", None),
        ("mac3", None),
        ("mac2", None),
        ("mac2", None),
        ("mac2", 1),
        ("mac3", 1),
    ]


async def test_what_a_peer_states_about_messages_that_never_went_to_it_is_not_kept(store: Store) -> None:
    row = outbox_row("a")
    await store.outbox.add(row, queued(row))
    await store.receipts.record([receipt("a", "stored", 1, peer="mac3"), receipt("z", "stored", 2)], (), "mac3", 2)
    assert await store.receipts.of("a") == [queued(row)]
    assert await store.receipts.of("z") == []
    assert store.receipts.durable_have("mac3") == 2


async def test_statements_the_outbox_and_have_move_in_one_commit(store: Store) -> None:
    row = outbox_row("a")
    await store.outbox.add(row, queued(row))
    before = store.database.commits
    await store.receipts.record(
        [receipt("a", "stored", 1)], [OutboxChange("a", "mac2", "stored", closed_at=7.0)], "mac2", 1
    )
    assert store.database.commits - before == 1
    assert await store.outbox.counts() == {}
    assert store.receipts.durable_have("mac2") == await store.receipts.have("mac2") == 1


async def test_have_is_told_only_when_it_is_on_disk_and_never_goes_back(store: Store, tmp_path: Path) -> None:
    assert store.receipts.durable_have("mac2") == 0
    store.receipts.record_later([receipt("a", "stored", 7)], (), "mac2", 7)
    assert store.receipts.durable_have("mac2") == 0
    await store.database.settled()
    assert store.receipts.durable_have("mac2") == 7
    store.receipts.record_later([], (), "mac2", 5)
    await store.receipts.record([], (), "mac2", 6)
    store.receipts.record_later([], (), "mac3", 2)
    await store.aclose()
    again = Store.open(tmp_path, NOW)
    assert again.receipts.durable_have("mac2") == 7
    assert again.receipts.durable_have("mac3") == 2
    await again.aclose()


async def test_a_note_of_a_message_may_be_handed_over_before_the_message_itself_is_on_disk(
    store: Store,
) -> None:
    row = outbox_row("a")
    store.receipts.record_later([receipt("other", "stored", 1)], [OutboxChange("other", "mac2", "stored")])
    adding = store.outbox.add(row, queued(row))
    store.receipts.record_later([receipt("a", "stored", 2)], [OutboxChange("a", "mac2", "stored", closed_at=1.0)])
    await adding
    assert [one.state for one in await store.outbox.get("a")] == ["stored"]
