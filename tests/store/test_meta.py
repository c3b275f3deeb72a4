from multifleet.store.store import Store


async def test_values_are_kept_replaced_and_removed(store: Store) -> None:
    assert await store.meta.get("fleet") is None
    await store.meta.set("fleet", "f1")
    store.meta.set_later("replay_clock", "1.5")
    store.meta.set_later("replay_clock", "2.5")
    assert await store.meta.get("fleet") == "f1"
    assert await store.meta.all() == {"created_at": "1000.0", "fleet": "f1", "replay_clock": "2.5"}
    await store.meta.set("fleet", None)
    assert await store.meta.get("fleet") is None
