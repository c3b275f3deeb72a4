"""What is remembered of keys: it comes back with the store, and only as this node wrote it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from multifleet.core.keys import Identity
from multifleet.node.keys.key_notes import KeyNotes, StoredKeyNotes
from multifleet.store.store import Store
from tests.core.wire import KEYS, MAC1, MAC2, MAC3, pair
from tests.node.fleet import pinned
from tests.node.keys.rotating import texts
from tests.store.made import peer_row

BACK = pair(MAC2, MAC1)
NEW = b"n" * 32


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    """An empty store, closed afterwards."""
    opened = Store.open(tmp_path, 1_000.0)
    yield opened
    await opened.aclose()


async def notes_of(store: Store, identity: Identity = MAC1) -> StoredKeyNotes:
    """As a start finds them."""
    found = StoredKeyNotes(identity, store, lambda: 5.0)
    await found.load()
    return found


async def test_receipt_keys_come_back_newest_first_and_are_written_once(store: Store) -> None:
    notes = await notes_of(store)
    for keys in (KEYS, BACK, KEYS):
        notes.keep("mac2", keys)
    assert notes.kept("mac2") == [BACK.receipt, KEYS.receipt]
    assert (await notes_of(store)).kept("mac2") == [BACK.receipt, KEYS.receipt]
    assert len((await store.keys.all()).receipts) == 2


async def test_the_store_shows_no_key_and_another_node_reads_none(store: Store, tmp_path: Path) -> None:
    (await notes_of(store)).keep("mac2", BACK)
    await store.database.settled()
    assert BACK.receipt.hex() not in texts(tmp_path)
    assert (await notes_of(store, MAC3)).kept("mac2") == []


async def test_a_key_that_somebody_put_into_the_store_proves_nothing(store: Store) -> None:
    notes = await notes_of(store)
    notes.keep("mac2", BACK)
    ((_, kid, sealed),) = (await store.keys.all()).receipts
    store.keys.keep_later("mac3", kid, sealed)
    store.keys.keep_later("mac2", "0" * 16, sealed)
    store.keys.keep_later("mac2", "1" * 16, BACK.receipt)
    found = await notes_of(store)
    assert (found.kept("mac2"), found.kept("mac3")) == ([BACK.receipt], [])


async def test_what_a_peer_used_and_had_comes_back_until_it_is_over(store: Store) -> None:
    await store.peers.add(pinned(MAC2))
    await store.peers.add(peer_row(x25519=NEW, ed25519=MAC2.public))
    notes = await notes_of(store)
    notes.showed("mac2", MAC1.exchange_public)
    again = await notes_of(store)
    assert (again.shown("mac2"), again.shown_at("mac2")) == (MAC1.exchange_public, 5.0)
    assert again.older("mac2") == (MAC2.exchange_public,)
    await again.forget_older(1_000.0, 0.0)
    assert again.older("mac2") == (MAC2.exchange_public,)
    await again.forget_older(2_000.0, 1_001.0)
    assert again.older("mac2") == ()


async def test_a_key_whose_card_is_still_being_written_is_not_forgotten(store: Store) -> None:
    notes = await notes_of(store)
    notes.replaced("mac2", NEW)
    await notes.forget_older(10.0**9, 10.0**9)
    assert notes.older("mac2") == (NEW,)


async def test_of_one_that_is_gone_only_what_it_stated_is_left(store: Store) -> None:
    notes = await notes_of(store)
    notes.keep("mac2", BACK)
    notes.showed("mac2", NEW)
    notes.replaced("mac2", NEW)
    notes.removed("mac2")
    for found in (notes, await notes_of(store)):
        assert (found.shown("mac2"), found.older("mac2"), found.kept("mac2")) == (None, (), [BACK.receipt])


def test_without_a_store_the_same_is_remembered_for_as_long_as_the_process_lives() -> None:
    notes = KeyNotes()
    notes.keep("mac2", BACK)
    notes.showed("mac2", NEW)
    assert (notes.kept("mac2"), notes.shown("mac2"), notes.shown_at("mac3")) == ([BACK.receipt], NEW, None)
