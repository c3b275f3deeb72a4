"""The relay: what it takes from whom, what it gives to whom, and what it forgets when."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from multifleet.core import relay_quota
from multifleet.core.frame import FRAME_LIMIT
from multifleet.core.packets import BadPacket, read, write
from multifleet.core.relay_packets import (
    FRAMES_LIMIT,
    TEXT_LIMIT,
    Held,
    RelayGives,
    RelayPoll,
    RelayPut,
    RelayTook,
    Taken,
    mark_of,
    packed,
    within_room,
)
from multifleet.errors import StoreUnavailable
from multifleet.node.relaying import relaying, rounds
from multifleet.store.rows import RelayedRow
from tests.channels.relay_fleet import Fleet, FleetNode, fleet_in
from tests.core.wire import NOW
from tests.node.fleet import SOON, until


@pytest.fixture
async def fleet(tmp_path: Path) -> AsyncIterator[Fleet]:
    async with fleet_in(tmp_path) as made:
        yield made


async def put(chief: FleetNode, sender: str, frame: bytes, keep: int = 60, unheard: bool = True) -> RelayTook:
    told = await chief.relaying.put(sender, RelayPut(frame=packed(frame), keep=keep, patience=0, unheard=unheard))
    return read(write(told), RelayTook)


async def poll(chief: FleetNode, node: str, *taken: Taken, wait: int = 0) -> list[Held]:
    gives = await chief.relaying.poll(node, RelayPoll(wait=wait, taken=list(taken)))
    return read(write(gives), RelayGives).frames


async def test_only_who_sealed_a_frame_may_hand_it_in_and_only_for_another_member(fleet: Fleet) -> None:
    chief, mac1, _ = await fleet.started("chief", "mac1", "mac2")
    for sender, frame, reason in (
        ("mac2", mac1.sealed("mac2", b"x"), "who sealed it"),
        ("mac1", b"nothing of the kind", "no frame"),
        ("mac1", mac1.sealed("nobody", b"x"), "nobody is no other member"),
        ("mac1", mac1.sealed("chief", b"x"), "chief is no other member"),
    ):
        told = await put(chief, sender, frame)
        assert (told.outcome, reason in told.reason) == ("refused", True), told
    with pytest.raises(BadPacket):
        await chief.relaying.put("mac1", RelayPut(frame="%", keep=1, patience=0))
    assert (await chief.store.relayed.kept()).frames == 0
    assert chief.counted("relay_refused") == 4


async def test_a_sender_over_its_share_is_refused_in_words_and_others_are_not(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relay_quota, "SENDER_FRAMES", 2)
    chief, mac1, mac3 = await fleet.started("chief", "mac1", "mac3")
    fleet.nodes["mac2"] = FleetNode(fleet, "mac2")
    told = [await put(chief, "mac1", mac1.sealed("mac2", body)) for body in (b"1", b"2", b"3")]
    assert [one.outcome for one in told] == ["parked", "parked", "refused"]
    assert "at most 2 frames of one sender" in told[2].reason
    assert (await put(chief, "mac3", mac3.sealed("mac2", b"4"))).outcome == "parked"


async def test_mail_is_given_to_its_recipient_alone_and_nobody_else_can_free_it(fleet: Fleet) -> None:
    chief, mac1 = await fleet.started("chief", "mac1")
    fleet.nodes |= {name: FleetNode(fleet, name) for name in ("mac2", "mac3")}
    frame = mac1.sealed("mac2", b"for mac2")
    await put(chief, "mac1", frame)
    done = Taken(mark=mark_of(frame), done=True)
    assert await poll(chief, "mac3", done) == []
    assert await poll(chief, "mac2") == [Held(mark=mark_of(frame), frame=packed(frame))]
    assert await poll(chief, "mac2", done) == []
    assert (await chief.store.relayed.kept()).frames == 0
    assert "mac2" not in chief.relaying.holds_for


async def test_what_was_not_taken_is_not_given_again_at_once(fleet: Fleet) -> None:
    chief, mac1 = await fleet.started("chief", "mac1")
    fleet.nodes["mac2"] = FleetNode(fleet, "mac2")
    one, two = mac1.sealed("mac2", b"one"), mac1.sealed("mac2", b"two")
    await put(chief, "mac1", one)
    await put(chief, "mac1", two)
    not_now = Taken(mark=mark_of(one), done=False)
    assert [held.mark for held in await poll(chief, "mac2", not_now)] == [mark_of(two)]
    assert len(await poll(chief, "mac2")) == 2


async def test_an_open_question_is_answered_by_mail_by_a_newer_one_and_by_the_end(fleet: Fleet) -> None:
    chief, mac1 = await fleet.started("chief", "mac1")
    fleet.nodes["mac2"] = FleetNode(fleet, "mac2")
    older = asyncio.create_task(poll(chief, "mac2", wait=25))
    await asyncio.sleep(0)
    newer = asyncio.create_task(poll(chief, "mac2", wait=25))
    async with asyncio.timeout(SOON):
        assert await older == []
        frame = mac1.sealed("mac2", b"hello")
        await put(chief, "mac1", frame)
        assert len(await newer) == 1
        assert await poll(chief, "mac2", Taken(mark=mark_of(frame), done=True)) == []
        last = asyncio.create_task(poll(chief, "mac2", wait=25))
        await asyncio.sleep(0)
        await chief.down()
        await last


async def test_all_that_goes_out_together_fits_into_one_frame(fleet: Fleet) -> None:
    chief, mac1 = await fleet.started("chief", "mac1")
    fleet.nodes["mac2"] = FleetNode(fleet, "mac2")
    for number in range(4):
        await put(chief, "mac1", mac1.sealed("mac2", f"{number} ".encode() * 130_000))
    for number in range(100):
        await put(chief, "mac1", mac1.sealed("mac2", f"small {number}".encode()))
    got: list[Taken] = []
    while frames := await poll(chief, "mac2", *got[-FRAMES_LIMIT:]):
        assert len(write(RelayGives(frames=frames))) < FRAME_LIMIT - 1_000
        got += [Taken(mark=held.mark, done=True) for held in frames]
    assert len({taken.mark for taken in got}) == len(got) == 104


def test_answers_that_do_not_fit_are_left_out() -> None:
    long = "x" * (TEXT_LIMIT // 2)
    taken = within_room([Taken(mark=mark_of(b"%d" % number), done=True, answer=long) for number in range(3)])
    assert [bool(one.answer) for one in taken] == [True, False, False]
    assert all(one.done for one in taken)


async def test_a_relay_that_cannot_write_says_so_and_has_not_taken_it(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    chief, mac1 = await fleet.started("chief", "mac1")
    fleet.nodes["mac2"] = FleetNode(fleet, "mac2")

    async def full(row: RelayedRow) -> None:
        raise StoreUnavailable("the disk is full")

    monkeypatch.setattr(chief.store.relayed, "park", full)
    told = await put(chief, "mac1", mac1.sealed("mac2", b"x"))
    assert (told.outcome, told.reason) == ("refused", "this relay cannot write: the disk is full")
    assert "mac2" not in chief.relaying.holds_for


async def test_mail_from_and_for_those_who_are_out_is_thrown_out(fleet: Fleet) -> None:
    chief, mac1 = await fleet.started("chief", "mac1")
    fleet.nodes |= {name: FleetNode(fleet, name) for name in ("mac2", "mac3")}
    await put(chief, "mac1", mac1.sealed("mac2", b"stays"))
    await put(chief, "mac1", mac1.sealed("mac3", b"goes"))
    del fleet.nodes["mac3"]
    fleet.passed += 120
    chief.relaying.news.set()
    async with asyncio.timeout(SOON):
        while (await chief.store.relayed.kept()).frames > 1:  # noqa: ASYNC110  no event tells it
            await asyncio.sleep(0.01)
    await until(lambda: chief.counted("relay_dropped") == 1)


async def test_its_time_over_a_frame_is_forgotten(fleet: Fleet) -> None:
    chief, mac1 = await fleet.started("chief", "mac1")
    fleet.nodes["mac2"] = FleetNode(fleet, "mac2")
    await put(chief, "mac1", mac1.sealed("mac2", b"x"), keep=60)
    await chief.store.prune(NOW + 59)
    assert (await chief.store.relayed.kept()).frames == 1
    await chief.store.prune(NOW + 62)
    assert (await chief.store.relayed.kept()).frames == 0


async def test_a_relay_that_stops_lets_nobody_wait(fleet: Fleet) -> None:
    chief, mac1, _ = await fleet.started("chief", "mac1", "mac2")
    fleet.chief = "mac1"
    fleet.silent |= {("chief", "mac2")}
    frame = packed(mac1.sealed("mac2", b"x"))
    waits = asyncio.create_task(chief.relaying.put("mac1", RelayPut(frame=frame, keep=0, patience=30_000)))
    await until(lambda: fleet.asks("relay_pass"))
    async with asyncio.timeout(SOON):
        await chief.down()
        assert (await waits).outcome == "refused"


async def test_a_sender_does_not_have_many_frames_wait_for_a_silent_recipient_nor_for_long(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    chief, mac1, _ = await fleet.started("chief", "mac1", "mac2")
    fleet.chief = "mac1"
    fleet.silent |= {("chief", "mac2")}
    frames = [packed(mac1.sealed("mac2", b"%d" % number)) for number in range(relaying.PASSED_AT_ONCE + 2)]
    first, *puts = [RelayPut(frame=frame, keep=0, patience=30_000) for frame in frames]
    async with asyncio.timeout(SOON):
        with monkeypatch.context() as hurried:
            hurried.setattr(relaying, "PASS_SECONDS", 0.2)
            assert (await chief.relaying.put("mac1", first)).outcome == "refused"
        monkeypatch.setattr(relaying, "PASS_SECONDS", 2 * SOON)
        waits = [asyncio.create_task(chief.relaying.put("mac1", one)) for one in puts]
        assert (await waits.pop()).outcome == "refused"
        assert not any(one.done() for one in waits)
        await chief.down()
        assert {(await one).outcome for one in waits} == {"refused"}


async def test_one_that_takes_nothing_is_not_pestered(fleet: Fleet) -> None:
    mac1, mac2, mac3 = await fleet.started("mac1", "mac2", "mac3")
    fleet.chief = None
    mac2.status = 507
    await put(mac3, "mac1", mac1.sealed("mac2", b"x"))
    await until(lambda: mac3.counted("relay_not_brought"))
    for _ in range(3):
        mac3.relaying.news.set()
        await asyncio.sleep(0.01)
    assert fleet.asks("relay_pass") == 1
    mac2.status = 200
    fleet.passed += 3
    mac3.relaying.news.set()
    await mac2.has("x")


async def test_one_that_did_not_take_its_mail_is_brought_it_at_once_when_a_way_there_goes_through_again(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rounds, "EVERY", 0.01)
    monkeypatch.setattr(rounds, "PAUSE_FIRST", 3_600.0)
    monkeypatch.setattr(rounds, "PAUSE_LAST", 3_600.0)
    chief, mac1, mac2 = await fleet.started("chief", "mac1", "mac2")
    fleet.cut |= {("chief", "mac2"), ("mac2", "chief")}
    assert (await put(chief, "mac1", mac1.sealed("mac2", b"hello"))).outcome == "parked"
    await until(lambda: chief.counted("relay_not_brought"))
    fleet.cut.discard(("chief", "mac2"))
    chief.rounds.is_back("mac2")
    await mac2.has("hello")
