from pathlib import Path

from multifleet.store.store import Store
from tests.store.made import outbox_row, peer_row, queued


async def test_a_store_knows_since_when_it_exists_and_keeps_everything_over_a_restart(tmp_path: Path) -> None:
    store = Store.open(tmp_path, 1_000.5)
    assert store.created_at == 1_000.5
    row = outbox_row("a")
    await store.outbox.add(row, queued(row))
    await store.peers.add(peer_row())
    store.meta.set_later("fleet", "f1")
    await store.aclose()
    again = Store.open(tmp_path, 2_000.0)
    assert again.created_at == 1_000.5
    assert again.set_aside is None
    assert await again.outbox.counts() == {"mac2": 1}
    assert await again.meta.get("fleet") == "f1"
    assert [peer.node for peer in await again.peers.all()] == ["mac2"]
    await again.aclose()
