import asyncio
from pathlib import Path

from msgspec.structs import replace

from multifleet.core import relay_quota
from multifleet.core.relay_quota import Kept
from multifleet.store.relayed import Parked
from multifleet.store.rows import RelayedRow
from multifleet.store.store import Store
from tests.store.conftest import NOW
from tests.store.made import FAR

MANY = 1 << 30


def row(mark: str, sender: str = "mac1", recipient: str = "mac2", size: int = 10, keep_until: int = FAR) -> RelayedRow:
    return RelayedRow(mark, sender, recipient, size, keep_until, b"f" * size)


async def marks(store: Store, recipient: str = "mac2") -> list[str]:
    return [found.mark for found in await store.relayed.waiting(recipient, 100, MANY)]


async def test_what_is_parked_is_there_after_a_start_in_its_order_and_once(tmp_path: Path) -> None:
    store = Store.open(tmp_path, NOW)
    for mark in ("b", "a", "b"):
        parked = await store.relayed.park(row(mark))
        assert not parked.refused
    assert parked == Parked(fresh=False)
    await store.aclose()
    again = Store.open(tmp_path, NOW)
    assert await again.relayed.waiting("mac2", 100, MANY) == [row("b"), row("a")]
    assert await again.relayed.recipients() == {"mac2"}
    assert await again.relayed.kept() == Kept(2, 20)
    await again.aclose()


async def test_only_the_recipient_frees_its_mail(store: Store) -> None:
    await store.relayed.park(row("a"))
    store.relayed.forget_later("mac3", ["a"])
    assert await marks(store) == ["a"]
    store.relayed.forget_later("mac2", ["a", "unknown"])
    assert await marks(store) == []


async def test_the_oldest_come_first_as_many_as_fit_and_at_least_one(store: Store) -> None:
    for mark, size in (("a", 50), ("b", 60), ("c", 10)):
        await store.relayed.park(row(mark, size=size))
    for most, size, without, expected in (
        (2, 1_000, [], ["a", "b"]),
        (9, 100, [], ["a"]),
        (9, 1, [], ["a"]),
        (9, 100, ["a"], ["b", "c"]),
    ):
        assert [found.mark for found in await store.relayed.waiting("mac2", most, size, without)] == expected


async def test_a_sender_has_its_share_and_no_more_and_takes_nothing_of_anothers(store: Store) -> None:
    share = relay_quota.SENDER_BYTES
    await store.relayed.park(replace(row("a"), size=share - 5))
    parked, other = await asyncio.gather(store.relayed.park(row("b")), store.relayed.park(row("c", sender="mac3")))
    assert "64 MiB of one sender" in parked.refused
    assert other == Parked(fresh=True)
    assert await marks(store) == ["a", "c"]
    assert await store.relayed.park(replace(row("a"), size=share)) == Parked(fresh=False)
    store.relayed.forget_later("mac2", ["a"])
    assert await store.relayed.park(row("b")) == Parked(fresh=True)


def test_there_is_no_room_beyond_the_bounds() -> None:
    few, none = Kept(1, 10), Kept(0, 0)
    assert relay_quota.no_room(none, few, 100) == ""
    assert "2000 frames" in relay_quota.no_room(Kept(relay_quota.SENDER_FRAMES, 10), few, 1)
    assert "in all" in relay_quota.no_room(none, Kept(5, relay_quota.ALL_BYTES), 1)


async def test_what_was_not_taken_in_time_is_forgotten(store: Store) -> None:
    await store.relayed.park(row("a", keep_until=2_000))
    await store.relayed.park(row("b", keep_until=3_000))
    await store.prune(2_500.0)
    assert await marks(store) == ["b"]


async def test_what_is_from_or_for_no_member_is_dropped(store: Store) -> None:
    await store.relayed.park(row("a"))
    await store.relayed.park(row("b", sender="gone"))
    await store.relayed.park(row("c", recipient="gone"))
    assert await store.relayed.drop_between_strangers({"mac1", "mac2", "mac3"}) == 2
    assert await store.relayed.kept() == Kept(1, 10)
