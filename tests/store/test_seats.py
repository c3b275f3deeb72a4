
from msgspec.structs import replace

from multifleet.store.rows import SeatRow
from multifleet.store.store import Store

API = SeatRow("api", "/home/u/api", "claude", "user", None, 5.0)
WEB = SeatRow("web", "/home/u/web", "claude", "seen", "s1", 6.0)


async def test_seats_are_kept_by_name_and_replaced_by_name(store: Store) -> None:
    await store.seats.put(WEB)
    await store.seats.put(API)
    assert await store.seats.all() == [API, WEB]
    store.seats.put_later(replace(API, last_session="s2"))
    assert await store.seats.all() == [replace(API, last_session="s2"), WEB]
    assert await store.seats.remove("api")
    assert not await store.seats.remove("api")
    assert await store.seats.all() == [WEB]


async def test_one_seat_can_be_the_default(store: Store) -> None:
    assert await store.seats.default() is None
    await store.seats.set_default("api")
    assert await store.seats.default() == "api"
    await store.seats.set_default(None)
    assert await store.seats.default() is None
