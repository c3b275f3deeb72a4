from multifleet.core.inbox_share import weight
from multifleet.store.retention import DAY, Pruned
from multifleet.store.rows import InboundFrame, InboxChange, InviteRow, OfferRow, OutboxChange
from multifleet.store.store import Store
from tests.store.made import FAR, inbox_row, outbox_row, queued

NOW = 100 * DAY
OLD = NOW - 31 * DAY
YOUNG = NOW - 29 * DAY


async def add(store: Store, id: str, peer: str, closed_at: float | None) -> None:
    row = outbox_row(id, peer)
    await store.outbox.add(row, queued(row))
    if closed_at is not None:
        await store.outbox.change([OutboxChange(id, peer, "stored", closed_at=closed_at)])


async def test_closed_messages_go_with_their_receipts_after_thirty_days_and_open_ones_never(store: Store) -> None:
    await add(store, "old", "mac2", OLD)
    await add(store, "young", "mac2", YOUNG)
    await add(store, "open", "mac2", None)
    await add(store, "half", "mac2", OLD)
    await add(store, "half", "mac3", None)
    assert (await store.prune(NOW)).outbox == 2
    assert sorted(row.id for row in await store.outbox.listing(9)) == ["half", "open", "young"]
    assert await store.receipts.of("old") == []
    assert len(await store.receipts.of("half")) == 2
    assert len(await store.receipts.of("young")) == 1


async def test_received_messages_go_thirty_days_after_they_expired_if_they_have_ended(store: Store) -> None:
    rows = [
        inbox_row("ended", expires=int(OLD)),
        inbox_row("waits", expires=int(OLD)),
        inbox_row("young", expires=int(YOUNG)),
    ]
    await store.inbox.receive(InboundFrame("mac1", "n", FAR, tuple(rows), (), 0, 1.0))
    await store.inbox.advance([InboxChange("mac1", id_, "seen", 2.0) for id_ in ("ended", "young")])
    assert (await store.prune(NOW)).inbox == 1
    assert sorted(row.id for row in await store.inbox.listing(9)) == ["waits", "young"]


async def test_nonces_offers_and_invitations_go_too(store: Store) -> None:
    await store.inbox.receive(InboundFrame("mac1", "n", int(NOW) - 1, (), (), 0, 1.0))
    await store.inbox.receive(InboundFrame("mac1", "m", int(NOW), (), (), 0, 1.0))
    await store.offers.add(OfferRow("o1", "s", "hook", OLD, "seen", (), finished=True))
    await store.offers.add(OfferRow("o2", "s", "hook", OLD, "offering", ()))
    await store.invites.add(InviteRow("i1", b"s", "h", OLD))
    assert await store.prune(NOW) == Pruned(0, 0, 1)
    assert await store.offers.get("o1") is None
    assert await store.offers.get("o2") is not None
    assert await store.invites.open(0.0) == []


async def test_a_senders_share_grows_with_what_comes_and_shrinks_with_what_is_forgotten(store: Store) -> None:
    rows = [inbox_row(id, expires=int(OLD), body="b" * 10) for id in ("ended", "waits")]
    for nonce in ("n1", "n2"):  # the second time they are duplicates
        await store.inbox.receive(InboundFrame("mac1", nonce, FAR, tuple(rows), (), 0, 1.0))
    await store.inbox.receive(InboundFrame("mac3", "n", FAR, (inbox_row("x", "mac3", body=""),), (), 0, 1.0))
    assert await store.inbox.shares() == {"mac1": 2 * weight("b" * 10), "mac3": weight("")}
    await store.inbox.advance([InboxChange("mac1", "ended", "seen", 2.0)])
    await store.prune(NOW)
    assert await store.inbox.shares() == {"mac1": weight("b" * 10), "mac3": weight("")}
