
from msgspec.structs import replace

from multifleet.store.rows import HealthRow
from multifleet.store.store import Store

ROW = HealthRow("mac2", "http", "healthy", 0, 5.0, 4.5, None, (0.001, 0.25))


async def test_the_last_state_of_each_channel_is_kept(store: Store) -> None:
    broken = replace(ROW, channel="relay", state="broken", failures=3, last_ok=None, last_error="timed out")
    store.health.put_later(replace(ROW, failures=9))
    store.health.put_later(broken)
    store.health.put_later(ROW)
    assert await store.health.all() == [ROW, broken]
    store.health.put_later(replace(ROW, latencies=()))
    assert (await store.health.all())[0].latencies == ()
