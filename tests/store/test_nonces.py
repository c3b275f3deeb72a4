from msgspec.structs import replace

from multifleet.store.store import Store
from tests.store.made import frame


async def test_a_nonce_is_forgotten_only_after_its_time(store: Store) -> None:
    await store.inbox.receive(replace(frame("n1", "a"), keep_until=2_000))
    await store.inbox.receive(replace(frame("n2", "b"), keep_until=3_000))
    store.nonces.prune_later(2_000)
    assert await store.nonces.count() == 2
    store.nonces.prune_later(2_001)
    assert await store.nonces.count() == 1
    assert (await store.inbox.receive(frame("n2", "b"))).replay


async def test_a_nonce_that_was_noted_is_new_once_and_a_replay_for_messages_too(store: Store) -> None:
    assert [await store.nonces.note("mac1", "n1", 2_000) for _ in range(2)] == [True, False]
    assert await store.nonces.note("mac3", "n1", 2_000), "of another sender"
    assert (await store.inbox.receive(frame("n1", "a"))).replay
    await store.inbox.receive(frame("n2", "b"))
    assert not await store.nonces.note("mac1", "n2", 2_000)
    asked = [("mac1", "n1"), ("mac1", "n2"), ("mac1", "n3"), ("mac3", "n2")]
    assert [await store.nonces.is_known(*one) for one in asked] == [True, True, False, False]
