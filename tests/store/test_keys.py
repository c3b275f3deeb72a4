"""What is remembered of keys: kept once, changed with the card in one transaction, forgotten when it is over."""

from pathlib import Path

from multifleet.store.keys import MOST_KEPT
from multifleet.store.store import Store
from tests.store.made import peer_row

OLD, NEW = b"x" * 32, b"y" * 32


async def test_a_receipt_key_is_kept_once_and_comes_back_in_order(store: Store) -> None:
    for kid, sealed in (("b" * 16, b"1"), ("a" * 16, b"2"), ("b" * 16, b"3")):
        store.keys.keep_later("mac2", kid, sealed)
    assert (await store.keys.all()).receipts == [("mac2", "b" * 16, b"1"), ("mac2", "a" * 16, b"2")]


async def test_the_last_key_that_a_peer_used_counts(store: Store) -> None:
    store.keys.show_later("mac2", OLD, 1.0)
    store.keys.show_later("mac2", NEW, 2.0)
    assert (await store.keys.all()).shown == [("mac2", NEW, 2.0)]


async def test_a_newer_card_leaves_the_older_key_behind_until_its_time_is_over(store: Store) -> None:
    await store.peers.add(peer_row())
    await store.peers.add(peer_row(addresses=()))
    assert (await store.keys.all()).older == []
    await store.peers.add(peer_row(x25519=NEW))
    assert (await store.keys.all()).older == [("mac2", OLD, None)]
    assert await store.keys.date(1_000.0, 900.0) == []
    assert (await store.keys.all()).older == [("mac2", OLD, 1_000.0)]
    assert await store.keys.date(2_000.0, 1_000.0) == []
    assert await store.keys.date(2_000.0, 1_001.0) == [("mac2", OLD)]
    assert (await store.keys.all()).older == []


async def test_keys_are_listed_from_the_latest_replaced(store: Store) -> None:
    await store.peers.add(peer_row())
    for number in (1, 2, 3):
        await store.peers.add(peer_row(x25519=bytes([number]) * 32))
        if number < 3:
            await store.keys.date(float(number), 0.0)
    assert [key[:1] for _, key, _ in (await store.keys.all()).older] == [b"\2", b"\1", b"x"]


async def test_of_a_peer_that_is_gone_only_what_it_stated_is_left(store: Store) -> None:
    for remove in (lambda: store.peers.remove("mac2"), None):
        await store.peers.add(peer_row())
        await store.peers.add(peer_row(x25519=NEW))
        store.keys.show_later("mac2", NEW, 2.0)
        store.keys.keep_later("mac2", "a" * 16, b"1")
        if remove is None:
            store.keys.forget_later("mac2")
        else:
            await remove()
        left = await store.keys.all()
        assert (left.shown, left.older, len(left.receipts)) == ([], [], 1)


async def test_nothing_of_it_is_lost_when_the_store_is_opened_again(tmp_path: Path) -> None:
    store = Store.open(tmp_path, 1.0)
    await store.peers.add(peer_row())
    await store.peers.add(peer_row(x25519=NEW))
    store.keys.show_later("mac2", NEW, 2.0)
    store.keys.keep_later("mac2", "a" * 16, b"1")
    before = await store.keys.all()
    await store.aclose()
    store = Store.open(tmp_path, 2.0)
    assert await store.keys.all() == before
    await store.aclose()


async def test_a_peer_that_renews_its_key_without_end_fills_nothing(store: Store) -> None:
    for number in range(100):
        await store.peers.add(peer_row(x25519=bytes([number]) * 32))
        store.keys.keep_later("mac2", f"{number:016x}", b"1")
        store.keys.keep_later("mac3", "a" * 16, b"1")
    left = await store.keys.all()
    assert len(left.older) == 16
    assert [kid for peer, kid, _ in left.receipts if peer == "mac2"] == [f"{n:016x}" for n in range(36, 100)]
    assert len(left.receipts) == MOST_KEPT + 1
