"""One peer's loop: nothing is forgotten whatever fails."""

import asyncio
import time
from typing import Any

import msgspec
import pytest

from multifleet.channels.base import Carried, ChannelError, Parcel, Target
from multifleet.core.backoff import Backoff
from multifleet.core.frame import open_frame
from multifleet.core.packets import BATCH_LIMIT, PacketAnswer, Request, read
from multifleet.core.receipts import State
from multifleet.errors import StoreUnavailable
from multifleet.store.outbox_writes import REASON_LIMIT
from multifleet.store.rows import OutboxChange
from tests.node.delivery.test_parked import Shelf
from tests.node.fleet import Machines, hurry, until


class Held(Shelf):
    """It has the frame at once, and says so late."""

    asked = 0

    def __init__(self, frames: dict[str, list[bytes]]) -> None:
        super().__init__(frames)
        self.go_on = asyncio.Event()

    async def deliver(self, target: Target, parcel: Parcel) -> Carried:
        self.asked += bool(parcel.ids)
        carried = await super().deliver(target, parcel)
        await self.go_on.wait()
        return carried


async def test_a_fault_of_a_channel_is_told_and_the_message_tried_again(
    fleet: Machines, monkeypatch: pytest.MonkeyPatch
) -> None:
    mac1, mac2 = await fleet.started("mac1", "mac2")

    async def faulty(*_: object) -> bytes:
        raise LookupError("a fault in the channel")

    good = fleet.network.nodes["mac2"]
    fleet.network.nodes["mac2"] = faulty
    sent = await mac1.node.messages.send("mac2", "hello")
    await until(lambda: mac1.node.counters.snapshot().get("channel_fault"))
    fleet.network.nodes["mac2"] = good
    await mac1.wait(sent.id, State.STORED)
    assert await mac2.bodies() == ["hello"]


async def test_a_fault_of_the_loop_itself_forgets_no_message(fleet: Machines, monkeypatch: pytest.MonkeyPatch) -> None:
    mac1, mac2 = await fleet.started("mac1", "mac2")

    async def faulty(*_: object, **__: object) -> Any:
        raise LookupError("a fault in the loop")

    with monkeypatch.context() as patch:
        patch.setattr(mac1.node.delivery, "deliver", faulty)
        sent = [await mac1.node.messages.send("mac2", str(number)) for number in range(5)]
        await until(lambda: mac1.node.counters.snapshot().get("part_failed"))
    for one in sent:
        await mac1.wait(one.id, State.STORED)
    assert len(await mac2.received()) == 5


async def test_what_waited_while_the_peer_was_away_goes_one_request_after_the_other(fleet: Machines) -> None:
    mac1, mac2 = await fleet.started("mac1", "mac2")
    good, under_way, most = fleet.network.nodes["mac2"], 0, 0

    async def slow(frame: bytes) -> bytes:
        nonlocal under_way, most
        if len(frame) < BATCH_LIMIT * 100:
            return await good(frame)  # few messages, or none: a probe, or what rosters are compared by
        under_way += 1
        most = max(most, under_way)
        for _ in range(100):
            await asyncio.sleep(0)  # others would come in meanwhile
        answer = await good(frame)
        under_way -= 1
        return answer

    fleet.network.nodes["mac2"] = slow
    fleet.network.severed.add("mac2")
    waiting = [await mac1.node.messages.send("mac2", str(number)) for number in range(5 * BATCH_LIMIT)]
    await until(lambda: mac1.node.outbox_of("mac2").failing)
    fleet.network.severed.clear()
    mac1.node.outboxes.try_now("mac2")
    await mac1.wait(waiting[-1].id, State.STORED)
    assert most == 1
    assert [row.body for row in await mac2.received()] == [str(number) for number in range(5 * BATCH_LIMIT)]


async def test_a_store_that_cannot_be_read_for_a_while_forgets_no_message(
    fleet: Machines, monkeypatch: pytest.MonkeyPatch
) -> None:
    mac1, mac2 = fleet.add("mac1", "mac2")
    await mac1.start()
    sent = [await mac1.node.messages.send("mac2", str(number)) for number in range(3)]
    await mac1.stop()

    async def damaged(*_: object) -> Any:
        raise StoreUnavailable("the disk cannot be read")

    await mac1.open()
    with monkeypatch.context() as patch:
        patch.setattr(mac1.node.store.outbox, "waiting", damaged)
        await mac1.run()
        await until(lambda: mac1.node.counters.snapshot().get("outbox_waits_for_store"))
    await mac2.start()
    for one in sent:
        await mac1.wait(one.id, State.STORED)
    assert len(await mac2.received()) == 3


async def test_an_answer_without_a_word_about_the_messages_is_a_failure(fleet: Machines) -> None:
    mac1, mac2 = await fleet.started("mac1", "mac2")
    asked = []

    async def wordless(frame: bytes) -> bytes:
        asked.append(frame)
        node = mac2.node
        opened = open_frame(frame, "mac2", node.members.incoming_keys, None)
        return node.exchange.answer(node.members.need("mac1"), opened.header)

    good = fleet.network.nodes["mac2"]
    fleet.network.nodes["mac2"] = wordless
    sent = await mac1.node.messages.send("mac2", "hello")
    await until(lambda: mac1.node.counters.snapshot().get("delivery_failed", 0) >= 2)
    # It backs off like any failure, instead of asking as fast as it can.
    assert len(asked) <= 4
    fleet.network.nodes["mac2"] = good
    await mac1.wait(sent.id, State.STORED)


async def test_nothing_is_stored_because_an_answer_says_so_without_a_statement(
    fleet: Machines, monkeypatch: pytest.MonkeyPatch
) -> None:
    hurry(monkeypatch)
    mac1, mac2 = await fleet.started("mac1", "mac2")

    async def claims(frame: bytes) -> bytes:
        node = mac2.node
        opened = open_frame(frame, "mac2", node.members.incoming_keys, None)
        ids = [msgspec.json.decode(raw)["id"] for raw in read(opened.packet, Request).packets]
        answers = [PacketAnswer(id=id, outcome="stored") for id in ids]
        return node.exchange.answer(node.members.need("mac1"), opened.header, answers=answers)

    fleet.network.nodes["mac2"] = claims
    sent = await mac1.node.messages.send("mac2", "hello", expires_in=60.0)
    outbox = mac1.node.outbox_of("mac2")
    await until(lambda: sent.id in outbox._awaited)
    assert (await mac1.node.messages.trace(sent.id)).state == "queued"
    mac1.time.pass_(61.0)
    mac1.node.endings._sooner.set()
    story = await mac1.wait(sent.id, State.UNDELIVERABLE)
    assert "outcome unknown" in (story.reason or "")


async def test_when_all_is_delivered_nothing_of_it_is_left_in_memory(fleet: Machines) -> None:
    mac1, mac2 = await fleet.started("mac1", "mac2")
    first = await mac1.node.messages.send("mac2", "first")
    await mac1.wait(first.id, State.STORED)
    tasks = len(asyncio.all_tasks())
    sent = [await mac1.node.messages.send("mac2", str(number)) for number in range(300)]
    await mac1.wait(sent[-1].id, State.STORED)
    outbox = mac1.node.outbox_of("mac2")
    await until(lambda: not outbox._queue.ids and not outbox._in_flight)
    for row in await mac2.received():
        await mac2.node.messages.reply(row.id, "done")
    for one in [first, *sent]:
        await mac1.wait(one.id, State.ANSWERED)
    await until(lambda: not outbox._awaited)
    assert not outbox._awaited.over
    assert not mac1.node.hearing._ahead.get("mac2")
    assert not mac1.node.events._waiting
    await until(lambda: len(asyncio.all_tasks()) <= tasks)


async def test_a_full_disk_there_is_no_failure_of_the_channel_and_the_message_waits(fleet: Machines) -> None:
    mac1, mac2 = await fleet.started("mac1", "mac2")
    receive = mac2.node.store.inbox.receive

    async def full(*_: object) -> Any:
        raise StoreUnavailable("the disk is full: make room")

    mac2.node.store.inbox.receive = full  # type: ignore[method-assign]
    sent = await mac1.node.messages.send("mac2", "hello")
    await until(lambda: mac1.node.outbox_of("mac2").failing)
    await mac1.node.store.database.settled()
    story = await mac1.node.messages.trace(sent.id)
    assert story.state == "queued" and "the disk is full" in (story.reason or "")
    [channel] = await mac1.node.channels_view("mac2")
    assert channel.state == "healthy"
    mac2.node.store.inbox.receive = receive  # type: ignore[method-assign]
    mac1.node.outbox_of("mac2").heard_again()
    await mac1.wait(sent.id, State.STORED)


async def test_a_channel_is_healthy_only_after_a_signed_round_trip_and_broken_after_three_failures(
    fleet: Machines,
) -> None:
    mac1, mac2 = fleet.add("mac1", "mac2")
    await mac1.start()
    [channel] = await mac1.node.channels_view("mac2")
    assert channel.state == "untried"
    await mac1.node.messages.send("mac2", "hello")
    await until(lambda: mac1.node.counters.snapshot().get("delivery_failed", 0) >= 3)
    [channel] = await mac1.node.channels_view("mac2")
    assert channel.state == "broken"
    await mac1.restart()
    assert (await mac1.node.channels_view("mac2"))[0].state == "broken"
    await mac2.start()
    mac1.node.outbox_of("mac2").heard_again()
    await until(lambda: mac2.node.counters.snapshot().get("messages_received"))
    await until(lambda: mac1.node.health_of_channels.of("mac2")["memory"].state == "healthy")


async def test_an_attempt_under_way_when_its_peer_comes_back_does_not_make_it_wait_as_long_as_before(
    fleet: Machines, monkeypatch: pytest.MonkeyPatch
) -> None:
    hurry(monkeypatch)
    mac1, mac2 = await fleet.started("mac1", "mac2")
    outbox = mac1.node.outbox_of("mac2")
    outbox._backoff = Backoff(attempt=10)  # it was away for a minute and longer
    fleet.network.silent.add("mac2")
    sent = await mac1.node.messages.send("mac2", "hello")
    await until(lambda: outbox._in_flight)
    fleet.network.silent.clear()
    outbox.heard_again()
    assert outbox.failing, "nothing has been answered yet"
    await mac1.wait(sent.id, State.STORED)
    await until(lambda: not outbox.failing)
    assert await mac2.bodies() == ["hello"]


async def test_stopping_does_not_wait_for_a_silent_peer(fleet: Machines) -> None:
    mac1, mac2 = await fleet.started("mac1", "mac2")
    fleet.network.silent.add("mac2")
    await mac1.node.messages.send("mac2", "hello")
    await asyncio.sleep(0.05)
    began = time.monotonic()
    await mac1.stop()
    assert time.monotonic() - began < 2.0
    fleet.network.silent.clear()
    await mac1.start()
    await until(lambda: mac2.node.counters.snapshot().get("messages_received") == 1)


async def test_a_peer_that_cannot_call_is_asked_for_what_it_has_to_say(
    fleet: Machines, monkeypatch: pytest.MonkeyPatch
) -> None:
    hurry(monkeypatch)
    monkeypatch.setattr("multifleet.node.delivery.awaited.POLL_FIRST", 0.1)
    mac1, mac2 = await fleet.started("mac1", "mac2")
    fleet.network.severed.add("mac1")
    sent = await mac1.node.messages.send("mac2", "hello")
    await mac1.wait(sent.id, State.STORED)
    [row] = await mac2.received()
    await mac2.node.messages.reply(row.id, "done")
    story = await mac1.wait(sent.id, State.ANSWERED)
    assert story.events[-1].by == "mac2"
    # The answer ends it: nobody is asked any more about a message of which everything was said.
    await until(lambda: not mac1.node.outbox_of("mac2")._awaited)


async def test_an_unreachable_peer_is_not_hammered(fleet: Machines) -> None:
    mac1, _ = fleet.add("mac1", "mac2")
    await mac1.start()
    await mac1.node.messages.send("mac2", "hello")
    await asyncio.sleep(1.5)
    assert mac1.node.counters.snapshot().get("delivery_failed", 0) <= 6
    await until(lambda: mac1.node.counters.snapshot().get("delivery_failed", 0) >= 2)


async def test_a_reason_of_megabytes_is_kept_by_its_beginning(fleet: Machines) -> None:
    mac1, _ = await fleet.started("mac1", "mac2")

    async def talks(*_: object) -> bytes:
        raise ChannelError("no " * 1_000_000)

    fleet.network.nodes["mac2"] = talks
    sent = await mac1.node.messages.send("mac2", "hello")
    await until(lambda: mac1.node.outbox_of("mac2").failing)
    (row,) = await mac1.node.store.outbox.get(sent.id)
    assert row.reason is not None and row.reason.startswith("memory: no no") and len(row.reason) < 1_000
    assert len(mac1.node.outbox_of("mac2").last_reason or "") < 1_000
    change = OutboxChange(sent.id, "mac2", State.QUEUED, "no " * 1_000_000, None, None)
    await mac1.node.store.outbox.change([change])
    (row,) = await mac1.node.store.outbox.get(sent.id)
    assert len(row.reason or "") == REASON_LIMIT


async def test_what_came_by_another_way_is_not_sent_again_and_never_said_to_lie_somewhere(fleet: Machines) -> None:
    mac1, mac2 = fleet.add("mac1", "mac2")
    shelf = Held({})
    mac1.more_channels = [shelf]
    await mac1.start()
    await mac2.start()
    fleet.network.severed.add("mac2")
    sent = await mac1.node.messages.send("mac2", "hello")
    await until(lambda: shelf.asked == 1)
    await mac2.node.here.receive(shelf.frames["mac2"][0], "shelf", "seed", True)  # mac2 tells mac1 at once
    await mac1.wait(sent.id, State.STORED)
    outbox = mac1.node.outbox_of("mac2")
    await until(lambda: not outbox._in_flight)  # nobody waits for the slow way
    shelf.go_on.set()
    outbox.heard_again()
    await asyncio.sleep(0.05)
    story = await mac1.node.messages.trace(sent.id)
    assert [event.state for event in story.events if event.by == "mac1"] == ["queued"], story
    assert (shelf.asked, outbox.parked, len(outbox._queue.ids)) == (1, 0, 0)
    mac1.node.endings.sent([sent.id], "mac2", "git", "a remote")
    assert State.SENT not in [event.state for event in (await mac1.node.messages.trace(sent.id)).events]
