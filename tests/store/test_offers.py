
from msgspec.structs import replace

from multifleet.store.rows import OfferRow
from multifleet.store.store import Store

ROW = OfferRow("o1", "s1", "socket", 5.0, "offering", (("mac1", "a"), ("mac3", "b")), None, "/t.jsonl")


async def test_an_offer_is_open_until_it_is_finished(store: Store) -> None:
    await store.offers.add(replace(ROW, id="o2", at=6.0))
    await store.offers.add(ROW)
    assert await store.offers.get("o1") == ROW
    assert [one.id for one in await store.offers.open()] == ["o1", "o2"]
    store.offers.change_later("o1", "offered", "taken")
    assert await store.offers.get("o1") == replace(ROW, state="offered", detail="taken")
    store.offers.change_later("o1", "seen", finished=True)
    assert [one.id for one in await store.offers.open()] == ["o2"]


async def test_a_finished_offer_stays_finished_and_an_id_is_used_once(store: Store) -> None:
    await store.offers.add(ROW)
    await store.offers.change("o1", "seen", finished=True)
    await store.offers.change("o1", "answered")
    await store.offers.add(ROW)
    assert await store.offers.get("o1") == replace(ROW, state="answered", finished=True)
    assert await store.offers.open() == []
    assert await store.offers.get("unknown") is None
