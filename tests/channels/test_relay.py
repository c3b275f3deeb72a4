"""P3 as both ends see it: through the chief, through another, answered at once or kept."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from multifleet.channels import relay, relay_taking
from multifleet.channels.base import ChannelError, Success
from multifleet.core import frame
from multifleet.core.relay_packets import INNER_LIMIT, Held, RelayGives, RelayPoll, RelayPut, RelayTook, mark_of, packed
from multifleet.node.relaying import relaying
from multifleet.store.rows import RelayedRow
from tests.channels.relay_fleet import Fleet, fleet_in
from tests.core.wire import NOW, identity, pair
from tests.node.fleet import until


@pytest.fixture
async def fleet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Fleet]:
    monkeypatch.setattr(relaying, "BY_POLL", 0.1)
    async with fleet_in(tmp_path) as made:
        yield made


async def test_the_chief_passes_a_frame_on_and_brings_the_recipients_own_answer(fleet: Fleet) -> None:
    chief, mac1, mac2 = await fleet.started("chief", "mac1", "mac2")
    carried = await mac1.sends("mac2", "hello")
    assert (carried.success, carried.where) == (Success.ANSWERED, "relay chief")
    opened = frame.open_frame(carried.answer, "mac1", lambda sender, kid: pair(mac2.keys, mac1.keys), None)
    assert opened.header.sender == "mac2"
    assert mac2.got == [b"hello"]
    assert (await chief.store.relayed.kept()).frames == 0


async def test_who_can_be_reached_by_nobody_asks_the_chief_and_answers_that_way(fleet: Fleet) -> None:
    _, mac1, mac2 = await fleet.started("chief", "mac1", "mac2")
    fleet.cut |= {("chief", "mac2"), ("mac1", "mac2")}
    fleet.unheard |= {("chief", "mac2")}
    await until(lambda: fleet.nodes["chief"].relaying.desk("mac2").asks)
    carried = await mac1.sends("mac2", "hello")
    assert carried.success is Success.ANSWERED
    assert mac2.got == [b"hello"]


async def test_what_is_for_one_that_is_away_is_on_the_relays_disk_and_comes_when_it_is_back(fleet: Fleet) -> None:
    chief, mac1, mac2 = await fleet.started("chief", "mac1", "mac2")
    await mac2.down()
    for body in ("one", "two"):
        carried = await mac1.sends("mac2", body)
        assert (carried.success, carried.where) == (Success.PARKED, "relay chief")
    await mac1.down()
    await chief.down()
    await chief.up()
    assert (await chief.store.relayed.kept()).frames == 2
    await mac2.up()
    await mac2.has("one", "two")
    async with asyncio.timeout(5):
        while (await chief.store.relayed.kept()).frames:  # noqa: ASYNC110  its word comes with its next question
            await asyncio.sleep(0.01)


async def test_without_the_chief_a_third_machine_that_hears_the_recipient_passes_it_on(fleet: Fleet) -> None:
    chief, mac1, mac2, *_ = await fleet.started("chief", "mac1", "mac2", "mac3", "mac4")
    await chief.down()
    fleet.unheard |= {("mac3", "mac2")}
    carried = await mac1.sends("mac2", "hello")
    assert (carried.success, carried.where) == (Success.ANSWERED, "relay mac4")
    assert mac2.got == [b"hello"]


async def test_if_nobody_hears_the_recipient_a_third_machine_keeps_it_and_takes_it_there_later(fleet: Fleet) -> None:
    chief, mac1, mac2, mac3 = await fleet.started("chief", "mac1", "mac2", "mac3")
    await chief.down()
    await mac2.down()
    carried = await mac1.sends("mac2", "hello")
    assert (carried.success, carried.where) == (Success.PARKED, "relay mac3")
    await mac2.up()
    mac3.relaying.news.set()
    await mac2.has("hello")


async def test_a_silent_relay_costs_little_and_the_next_one_carries(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relay, "STAGGER", 0.05)
    _, mac1, *_ = await fleet.started("chief", "mac1", "mac2", "mac3")
    fleet.silent |= {("mac1", "chief")}
    carried = await mac1.sends("mac2", "hello")
    assert (carried.success, carried.where) == (Success.ANSWERED, "relay mac3")


async def test_a_mere_question_whether_the_way_is_open_is_never_kept(fleet: Fleet) -> None:
    chief, mac1, mac2 = await fleet.started("chief", "mac1", "mac2")
    assert (await mac1.sends("mac2", "open?", ids=())).success is Success.ANSWERED
    await mac2.down()
    with pytest.raises(ChannelError, match="chief: mac2 did not answer here"):
        await mac1.sends("mac2", "open?", ids=())
    assert (await chief.store.relayed.kept()).frames == 0


async def test_what_the_recipient_cannot_write_now_is_its_answer_and_nothing_for_the_relay(fleet: Fleet) -> None:
    chief, mac1, mac2 = await fleet.started("chief", "mac1", "mac2")
    mac2.status = 507
    carried = await mac1.sends("mac2", "hello")
    assert carried.success is Success.ANSWERED
    assert mac2.got == []
    assert (await chief.store.relayed.kept()).frames == 0


async def test_mail_that_could_not_be_written_waits_at_the_relay_and_is_asked_for_again(fleet: Fleet) -> None:
    chief, mac1, mac2 = await fleet.started("chief", "mac1", "mac2")
    await mac2.down()
    await mac1.sends("mac2", "hello")
    mac2.status = 507
    await mac2.up()
    await until(lambda: fleet.asks("relay_poll"))
    assert (await chief.store.relayed.kept()).frames == 1
    mac2.status = 200
    await mac2.has("hello")


async def test_an_idle_node_has_one_question_open_and_asks_nobody_but_the_chief(fleet: Fleet) -> None:
    await fleet.started("chief", "mac1", "mac2", "mac3")
    await asyncio.sleep(0.1)
    assert sorted(fleet.asked) == [(name, "chief", "relay_poll") for name in ("mac1", "mac2", "mac3")]


async def test_a_chief_that_is_there_again_is_asked_at_once(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, seconds in {"PAUSE_FIRST": 1_000.0, "PAUSE_LAST": 1_000.0, "LOOK": 0.01}.items():
        monkeypatch.setattr(relay_taking, name, seconds)
    fleet.cut |= {("chief", "mac2"), ("mac1", "mac2")}
    fleet.unheard |= {("chief", "mac2")}
    chief, mac1 = await fleet.started("chief", "mac1")
    await chief.down()
    [mac2] = await fleet.started("mac2")
    await until(lambda: mac2.counted("relay_not_asked"))
    await chief.up()
    await mac1.sends("mac2", "hello")
    await mac2.has("hello")


async def test_a_frame_that_does_not_fit_into_another_is_not_even_tried(fleet: Fleet) -> None:
    _, mac1, _ = await fleet.started("chief", "mac1", "mac2")
    await mac1.sends("mac2", "x" * (INNER_LIMIT - 400))
    with pytest.raises(ChannelError, match="does not fit"):
        await mac1.sends("mac2", "x" * INNER_LIMIT)


async def test_two_machines_alone_have_no_relay_and_ask_for_no_mail(fleet: Fleet) -> None:
    mac1, _ = await fleet.started("mac1", "mac2")
    assert "no third machine" in mac1.channel.reaches(mac1.target("mac2"))
    await asyncio.sleep(0.02)
    assert fleet.asked == []


async def test_a_relay_is_not_asked_through_another_one(fleet: Fleet) -> None:
    _, mac1, mac2 = await fleet.started("chief", "mac1", "mac2")

    async def through(sender: str, put: RelayPut) -> RelayTook:
        with pytest.raises(ChannelError, match="through another"):
            await mac1.sends("mac2", "inside")
        return RelayTook(outcome="refused", reason="as it should be")

    fleet.nodes["chief"].handlers[RelayPut] = through
    with pytest.raises(ChannelError, match="as it should be"):
        await mac1.sends("mac2", "hello")
    assert mac2.got == []


async def test_what_a_relay_withheld_goes_through_another_one_the_next_time(fleet: Fleet) -> None:
    _, mac1, *_ = await fleet.started("chief", "mac1", "mac2", "mac3")

    async def withhold(sender: str, put: RelayPut) -> RelayTook:
        return RelayTook(outcome="parked")

    fleet.nodes["chief"].handlers[RelayPut] = withhold
    assert (await mac1.sends("mac2", "hello")).where == "relay chief"
    carried = await mac1.sends("mac2", "hello")
    assert (carried.success, carried.where) == (Success.ANSWERED, "relay mac3")


@pytest.mark.parametrize("answer", ["", "bm90IGEgZnJhbWU=", "%%%"])
async def test_an_answer_that_is_none_is_a_failure_of_unknown_outcome(fleet: Fleet, answer: str) -> None:
    _, mac1, _ = await fleet.started("chief", "mac1", "mac2")

    async def lie(sender: str, put: RelayPut) -> RelayTook:
        return RelayTook(outcome="answered", answer=answer)

    fleet.nodes["chief"].handlers[RelayPut] = lie
    with pytest.raises(ChannelError, match="brought no answer") as caught:
        await mac1.sends("mac2", "hello")
    assert caught.value.unknown


async def test_what_a_relay_gives_again_and_in_another_order_comes_once_each(fleet: Fleet) -> None:
    chief, mac1, mac2 = await fleet.started("chief", "mac1", "mac2")
    await mac2.down()
    frames = [mac1.sealed("mac2", body) for body in (b"two", b"one", b"two", b"one")]
    given = []

    async def give(recipient: str, poll: RelayPoll) -> RelayGives:
        given.append(poll)
        if len(given) == 3:
            await asyncio.Event().wait()
        return RelayGives(frames=[Held(mark=f"{n:032x}", frame=packed(frame)) for n, frame in enumerate(frames)])

    chief.handlers[RelayPoll] = give
    await mac2.up()
    await until(lambda: len(given) == 3)
    assert sorted(mac2.got) == [b"one", b"two"]
    assert [taken.done for taken in given[1].taken] == [True] * 4


async def test_a_relay_that_gives_the_same_or_rubbish_without_end_is_not_asked_without_end(fleet: Fleet) -> None:
    chief, mac1, mac2, mac3 = await fleet.started("chief", "mac1", "mac2", "mac3")
    for node in (mac2, mac3):
        await node.down()
    same, rubbish = mac1.sealed("mac2", b"same"), b"mf1 rubbish"
    numbers = iter(range(1_000))

    async def give(recipient: str, poll: RelayPoll) -> RelayGives:
        frame = same if recipient == "mac2" else rubbish + b"%d" % next(numbers)
        return RelayGives(frames=[Held(mark=f"{next(numbers):032x}", frame=packed(frame))])

    chief.handlers[RelayPoll] = give
    fleet.asked.clear()
    for node in (mac2, mac3):
        await node.up()
    await mac2.has("same")
    await asyncio.sleep(0.2)
    assert fleet.asks("relay_poll") <= 3 + 2


async def test_what_was_forged_by_a_relay_is_refused_and_counted(fleet: Fleet) -> None:
    chief, _, mac2 = await fleet.started("chief", "mac1", "mac2")
    forged = frame.seal(pair(chief.keys, identity("mac2")), "mac1", "mac2", NOW, bytes(16), b"forged")
    await chief.store.relayed.park(RelayedRow(mark_of(forged), "mac1", "mac2", len(forged), NOW + 60, forged))
    chief.relaying.holds_for.add("mac2")
    chief.relaying.desk("mac2").ring()
    chief.relaying.news.set()
    await until(lambda: mac2.counted("relay_frame_refused"))
    assert mac2.got == []
