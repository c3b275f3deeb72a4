"""Frames in drop/ are taken up once; whatever else lies there is set aside, and never followed or waited for."""

import os
import time
from functools import partial
from pathlib import Path

import pytest

from multifleet.core import inbox_share, packets
from multifleet.core.drop import ENDING, seed_name
from multifleet.node.delivery import dropped, refused, shares
from multifleet.node.node import Node
from multifleet.node.offline import park
from tests.node.delivery.test_receiving import now_message, request
from tests.node.fleet import Machines, until


@pytest.fixture
async def mac2(fleet: Machines) -> Node:
    """A node that knows mac1."""
    return await fleet.add("mac1", "mac2")[1].open()


async def test_a_frame_that_lies_there_is_taken_up_once(mac2: Node) -> None:
    data = request(mac2, now_message(mac2))
    assert park(mac2.home, data) == park(mac2.home, data)
    await mac2.dropped.take_up()
    park(mac2.home, data)
    await mac2.dropped.take_up()
    assert [row.body for row in await mac2.store.inbox.listing(10)] == ["hello"]
    assert not list((mac2.home / "drop").glob(f"*{ENDING}"))


async def test_the_row_says_by_which_way_it_came(mac2: Node) -> None:
    park(mac2.home, request(mac2, now_message(mac2)))
    await mac2.dropped.take_up()
    assert [row.channel for row in await mac2.store.inbox.listing(10)] == ["drop"]


async def test_what_is_no_frame_of_a_member_is_set_aside_and_counted(mac2: Node) -> None:
    park(mac2.home, b"no frame")
    park(mac2.home, request(mac2, now_message(mac2))[:-1])
    await mac2.dropped.take_up()
    assert len(list((mac2.home / "drop" / "refused").iterdir())) == 2
    assert mac2.counters.snapshot()["drop_refused"] == 2
    assert await mac2.store.inbox.listing(10) == []


async def test_what_is_refused_is_kept_within_bounds_and_the_oldest_goes_first(
    mac2: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(refused, "FILES", 3)
    for number in range(5):
        path = Path(park(mac2.home, b"junk %d" % number))
        os.utime(path, (2e9, 2e9 - number))  # whoever writes a file dates it as he likes
        await mac2.dropped.take_up()
        await until(partial(_is_later, mac2.home, time.time_ns()))  # files are dated by a clock that ticks slowly
    kept = mac2.home / "drop" / "refused"
    assert sorted(path.read_bytes() for path in kept.iterdir()) == [b"junk 2", b"junk 3", b"junk 4"]
    assert mac2.counters.snapshot()["drop_refused_removed"] == 2
    monkeypatch.setattr(refused, "BYTES", 2_000)
    park(mac2.home, bytes(1_995))
    await mac2.dropped.take_up()
    assert [path.stat().st_size for path in kept.iterdir()] == [1_995]
    assert refused.tidy(kept, time.time() + refused.AGE + 5) == 1 and not list(kept.iterdir())


def _is_later(home: Path, now: int) -> bool:
    """Whether a file that is made now is dated later than at that moment."""
    (home / "dated").touch()
    return (home / "dated").stat().st_ctime_ns > now


async def test_links_pipes_folders_and_giants_are_not_followed_and_never_block(mac2: Node, tmp_path: Path) -> None:
    drop, secret = mac2.home / "drop", tmp_path / "secret"
    secret.write_bytes(request(mac2, now_message(mac2)))
    (drop / f"link{ENDING}").symlink_to(secret)
    os.mkfifo(drop / f"pipe{ENDING}")
    (drop / f"folder{ENDING}").mkdir()
    with (drop / f"giant{ENDING}").open("wb") as giant:
        giant.truncate(1 << 32)
    park(mac2.home, request(mac2, now_message(mac2, id="00000000-0000-7000-8000-0000000000bb")))
    await mac2.dropped.take_up()
    assert [row.id[-2:] for row in await mac2.store.inbox.listing(10)] == ["bb"]
    assert secret.exists()
    assert not list(drop.glob(f"*{ENDING}"))


async def test_half_written_files_and_others_names_are_left_alone(mac2: Node) -> None:
    for name in (f".half{ENDING}", "README", "x.frame.tmp"):
        (mac2.home / "drop" / name).write_bytes(b"x")
    await mac2.dropped.take_up()
    assert len(list((mac2.home / "drop").iterdir())) == 3


async def test_statements_that_came_by_a_drop_count_too(fleet: Machines) -> None:
    mac1, mac2 = fleet.add("mac1", "mac2")
    await mac1.open()
    await mac2.open()
    sent = await mac1.node.messages.send("mac2", "hello")
    row = (await mac1.node.store.outbox.get(sent.id))[0]
    assert packets.read(row.packet, packets.Message).id == sent.id
    there = mac1.node.exchange.request(mac1.node.members.need("mac2"), [row.packet], [], 1)
    park(mac2.home, there.frame)
    await mac2.node.dropped.take_up()
    log = await mac2.node.store.inbox.log_after("mac1", 0)
    back = mac2.node.exchange.request(mac2.node.members.need("mac1"), [], log, 1)
    park(mac1.home, back.frame)
    await mac1.node.dropped.take_up()
    assert (await mac1.node.messages.trace(sent.id, verify=True)).state == "stored"


async def test_what_has_expired_before_it_was_found_is_neither_stored_nor_stated(fleet: Machines) -> None:
    machine = fleet.add("mac1", "mac2")[1]
    node = await machine.open()
    data = request(node, now_message(node, expires=int(node.clock.now()) + 60))
    machine.time.pass_(120)
    park(node.home, data)
    await node.dropped.take_up()
    assert await node.store.inbox.listing(10) == []
    assert await node.store.inbox.log_after("mac1", 0) == []
    assert node.counters.snapshot()["message_refused"] == 1
    assert not list((node.home / "drop").glob(f"*{ENDING}"))


async def test_a_frame_that_there_is_no_room_for_waits_and_holds_no_other_up(
    mac2: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dropped, "AT_ONCE", 1)
    too_much = now_message(mac2, body="x" * 2_000)
    (mac2.home / "drop" / seed_name("0" * 32)).write_bytes(request(mac2, too_much))
    small = now_message(mac2, id="00000000-0000-7000-8000-0000000000bb")
    (mac2.home / "drop" / seed_name("f" * 32)).write_bytes(request(mac2, small))
    with monkeypatch.context() as full:
        full.setattr(inbox_share, "SHARE", 2_000)
        full.setattr(shares, "SHARE", 2_000)
        await mac2.dropped.take_up()
        await mac2.dropped.take_up()
    assert [row.id[-2:] for row in await mac2.store.inbox.listing(10)] == ["bb"]
    monkeypatch.setattr(time, "monotonic", lambda real=time.monotonic: real() + dropped.NO_ROOM_WAIT)
    await mac2.dropped.take_up()
    assert len(await mac2.store.inbox.listing(10)) == 2
    assert not list((mac2.home / "drop").glob(f"*{ENDING}"))
