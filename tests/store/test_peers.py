import pytest
from msgspec.structs import replace

from multifleet.errors import KeyChanged
from multifleet.store.store import Store
from tests.store.made import peer_row


async def test_a_peer_comes_back_as_it_was_given(store: Store) -> None:
    row = peer_row(
        addresses=("10.0.0.2:8855", "[fd00::2]:8855"), clock_offset=-600.5, heard_at=1.5, best_address="10.0.0.2:8855"
    )
    await store.peers.add(row)
    await store.peers.add(peer_row("mac0"))
    assert await store.peers.get("mac2") == row
    assert [one.node for one in await store.peers.all()] == ["mac0", "mac2"]
    assert await store.peers.get("mac9") is None


async def test_a_known_peer_with_another_identity_is_refused_and_stays_as_it_was(store: Store) -> None:
    await store.peers.add(peer_row())
    with pytest.raises(KeyChanged, match="mac2 shows another identity key"):
        await store.peers.add(peer_row(ed25519=b"E" * 32, addresses=()))
    assert await store.peers.get("mac2") == peer_row()


async def test_a_new_card_of_the_same_identity_is_taken_and_what_is_known_of_the_way_kept(store: Store) -> None:
    await store.peers.add(peer_row())
    store.peers.heard_later("mac2", 5.0, "10.0.0.2:8855")
    store.peers.backoff_later("mac2", 3, 2.0, 0.5)
    renewed = peer_row(x25519=b"y" * 32, card=b"[]", signature=b"t" * 64, addresses=("10.0.0.3:8855",))
    await store.peers.add(renewed)
    assert await store.peers.get("mac2") == replace(
        renewed, heard_at=5.0, heard_from="10.0.0.2:8855", attempt=3, delay=2.0, elapsed=0.5
    )


async def test_notes_of_the_way_are_made_together_and_the_last_counts(store: Store) -> None:
    await store.peers.add(peer_row())
    before = store.database.commits
    for n in range(20):
        store.peers.heard_later("mac2", float(n), None)
        store.peers.offset_later("mac2", n / 10, float(n))
    store.peers.best_address_later("mac2", "10.0.0.9:1")
    store.peers.backoff_later("unknown", 1, 1.0, 1.0)
    found = await store.peers.get("mac2")
    assert found == replace(peer_row(), heard_at=19.0, clock_offset=1.9, offset_at=19.0, best_address="10.0.0.9:1")
    assert store.database.commits - before == 1


async def test_addresses_are_replaced_and_a_peer_removed(store: Store) -> None:
    await store.peers.add(peer_row())
    await store.peers.set_addresses("mac2", ["a:1", "b:2"])
    found = await store.peers.get("mac2")
    assert found is not None
    assert found.addresses == ("a:1", "b:2")
    assert await store.peers.remove("mac2")
    assert not await store.peers.remove("mac2")
    await store.peers.add(peer_row(ed25519=b"E" * 32))


async def test_a_state_of_presence_is_noted_and_survives_a_new_card(store: Store) -> None:
    await store.peers.add(peer_row())
    store.peers.presence_later("mac2", "dead", 7.5, "8 pings and an HTTP request unanswered", 1_700)
    await store.peers.add(peer_row(addresses=("10.0.0.3:8855",)))
    found = await store.peers.get("mac2")
    assert found is not None
    assert (found.state, found.state_since, found.state_how, found.incarnation, found.role) == (
        "dead",
        7.5,
        "8 pings and an HTTP request unanswered",
        1_700,
        "captain",
    )
