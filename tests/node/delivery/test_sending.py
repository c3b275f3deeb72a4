"""What is accepted for sending is whole, numbered and on disk; what cannot be is refused with advice."""

import asyncio
import uuid
from typing import Any

import pytest

from multifleet.core import packets
from multifleet.core.packets import Message
from multifleet.core.receipts import State
from multifleet.errors import BadInput, StoreUnavailable, TooLarge, UnknownMessage, UnknownNode, UnknownSeat
from multifleet.node.node import Node
from multifleet.store.rows import InboundFrame
from tests.node.fleet import Machines, until
from tests.store.made import FAR, inbox_row


@pytest.fixture
async def mac1(fleet: Machines) -> Node:
    """A node that sends; mac2 is known to it and not there."""
    machine, _ = fleet.add("mac1", "mac2")
    return await machine.open()


REFUSED: dict[str, tuple[dict[str, Any], type[Exception], str]] = {
    "an unknown node": ({"to": "mac9"}, UnknownNode, "mac2"),
    "an unknown seat of this node": ({"to": "mac1/api"}, UnknownSeat, "seat bind"),
    "an unknown seat as sender": ({"sender_seat": "api"}, UnknownSeat, "seat bind"),
    "no address": ({"to": ""}, BadInput, "NODE/SEAT"),
    "a path as address": ({"to": "../../x"}, BadInput, "NODE/SEAT"),
    "an option as address": ({"to": "-oProxyCommand=x"}, BadInput, "NODE/SEAT"),
    "an address with a newline": ({"to": "mac2\n"}, BadInput, "NODE/SEAT"),
    "a body over the limit": ({"body": "ä" * (packets.BODY_LIMIT // 2 + 1)}, TooLarge, "a path or a link"),
    "a body that grows too large on the wire": ({"body": "\x1b" * 200_000}, TooLarge, "control characters"),
    "no body": ({"body": ""}, BadInput, "empty"),
    "half a surrogate pair": ({"body": "a\ud800"}, BadInput, "surrogate"),
    "an id that is none": ({"id": "x"}, BadInput, "UUID"),
    "an id in capitals": ({"id": str(uuid.uuid4()).upper()}, BadInput, "UUID"),
    "an expiry in no time": ({"expires_in": 0.5}, BadInput, "1 to 2592000"),
    "an expiry in a year": ({"expires_in": 31_536_000.0}, BadInput, "30 days"),
    "an expiry that is no number": ({"expires_in": float("nan")}, BadInput, "30 days"),
    "a subject that is too long": ({"subject": "x" * 201}, BadInput, "subject"),
    "an empty thread": ({"thread": ""}, BadInput, "thread"),
    "an answer to no message": ({"reply_to": "../x"}, BadInput, "whole id"),
    "half a surrogate pair in the subject": ({"subject": "\udc00"}, BadInput, "surrogate"),
}


@pytest.mark.parametrize("name", REFUSED)
async def test_what_cannot_be_sent_is_refused_with_advice_and_leaves_nothing(mac1: Node, name: str) -> None:
    fields, error, advice = REFUSED[name]
    with pytest.raises(error, match=advice):
        await mac1.messages.send(**{"to": "mac2", "body": "hello", **fields})
    assert await mac1.store.outbox.listing(10) == []
    after = await mac1.messages.send("mac2", "hello")
    assert (await _message(mac1, after.id)).n == 1


async def test_the_largest_body_is_accepted(mac1: Node) -> None:
    sent = await mac1.messages.send("mac2", '"' * packets.BODY_LIMIT)
    assert sent.state == State.QUEUED


async def test_the_messages_of_a_thread_are_numbered_and_each_names_the_one_before(mac1: Node) -> None:
    ids = [(await mac1.messages.send("mac2", str(number), thread="t")).id for number in range(4)]
    other = await mac1.messages.send("mac2", "x", thread="u")
    made = [await _message(mac1, id) for id in ids]
    assert [one.n for one in made] == [1, 2, 3, 4]
    assert [one.prev for one in made] == [None, *ids[:3]]
    assert (await _message(mac1, other.id)).n == 1


async def test_numbers_go_on_after_a_restart(fleet: Machines) -> None:
    (machine, _) = fleet.add("mac1", "mac2")
    await machine.open()
    first = await machine.node.messages.send("mac2", "one")
    await machine.stop()
    await machine.open()
    second = await _message(machine.node, (await machine.node.messages.send("mac2", "two")).id)
    assert (second.n, second.prev) == (2, first.id)


async def test_many_callers_at_once_get_numbers_without_gaps(mac1: Node) -> None:
    sent = await asyncio.gather(*(mac1.messages.send("mac2", "x", thread="t") for _ in range(100)))
    made = sorted([await _message(mac1, one.id) for one in sent], key=lambda one: one.n)
    assert [one.n for one in made] == list(range(1, 101))
    assert [one.prev for one in made] == [None, *(one.id for one in made[:-1])]


async def test_the_same_id_twice_is_one_message(mac1: Node) -> None:
    id = str(uuid.uuid4())
    first, second = [await mac1.messages.send("mac2", "hello", id=id) for _ in range(2)]
    assert first.id == second.id == id
    assert len(await mac1.store.outbox.listing(10)) == 1


async def test_the_same_id_at_the_same_time_is_one_message(mac1: Node) -> None:
    id = str(uuid.uuid4())
    sent = await asyncio.gather(*(mac1.messages.send("mac2", "hello", id=id) for _ in range(10)))
    assert {one.id for one in sent} == {id}
    assert len(await mac1.store.outbox.listing(10)) == 1


@pytest.mark.parametrize("to", ["mac2/api", "mac1", "mac3"])
async def test_an_id_belongs_to_one_recipient(fleet: Machines, to: str) -> None:
    machine = fleet.add("mac1", "mac2", "mac3")[0]
    node = await machine.open()
    id = str(uuid.uuid4())
    await node.messages.send("mac2", "hello", id=id)
    with pytest.raises(BadInput, match="another message"):
        await node.messages.send(to, "hello", id=id)
    assert len(await node.store.outbox.listing(10)) == 1


async def test_a_repeated_id_does_not_disturb_the_order_of_the_thread(mac1: Node) -> None:
    id = str(uuid.uuid4())
    await mac1.messages.send("mac2", "one", id=id)
    second = await mac1.messages.send("mac2", "two")
    await mac1.messages.send("mac2", "one", id=id)
    third = await _message(mac1, (await mac1.messages.send("mac2", "three")).id)
    assert (third.n, third.prev) == (3, second.id)


async def test_what_could_not_be_stored_is_not_accepted_and_leaves_no_gap(
    mac1: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = await mac1.messages.send("mac2", "one")

    async def full(*_: object) -> bool:
        raise StoreUnavailable("the disk is full: make room")

    with monkeypatch.context() as patch:
        patch.setattr(mac1.store.outbox, "add", full)
        with pytest.raises(StoreUnavailable, match="make room"):
            await mac1.messages.send("mac2", "two")
    third = await _message(mac1, (await mac1.messages.send("mac2", "three")).id)
    assert (third.n, third.prev) == (2, first.id)
    assert len(mac1.outbox_of("mac2")._queue) == 2


async def test_a_refused_seat_is_told_with_its_reason_and_can_be_tried_again(fleet: Machines) -> None:
    mac1, mac2 = await fleet.started("mac1", "mac2")
    sent = await mac1.node.messages.send("mac2/api", "hello")
    story = await mac1.node.messages.wait(sent.id, "stored", 10.0)
    assert (story.state, story.reached, story.ended) == ("refused", False, True)
    assert "no seat 'api'" in (story.reason or "")
    assert [row.id for row in await mac1.node.messages.dead(10)] == [sent.id]
    await mac2.node.seat_bind("api", str(fleet.folder), False)
    again = await mac1.node.messages.retry(sent.id)
    assert again.state == State.QUEUED
    await mac1.wait(sent.id, State.STORED)
    assert await mac2.bodies() == ["hello"]
    assert await mac1.node.messages.dead(10) == []


async def test_an_expired_message_that_is_tried_again_is_not_expired_when_it_arrives(fleet: Machines) -> None:
    mac1, mac2 = fleet.add("mac1", "mac2")
    await mac1.start()
    sent = await mac1.node.messages.send("mac2", "hello", expires_in=30.0)
    await mac1.lets_expire("mac2")
    await mac1.wait(sent.id, State.EXPIRED)
    await mac2.start()
    await mac1.node.messages.retry(sent.id)
    assert (await mac1.node.messages.trace(sent.id)).state in ("queued", "stored")
    await mac1.wait(sent.id, State.STORED)
    [row] = await mac2.received()
    assert row.expires > mac2.node.clock.now() + 86_400


async def test_what_is_under_way_is_not_tried_again(mac1: Node) -> None:
    sent = await mac1.messages.send("mac2", "hello")
    assert (await mac1.messages.retry(sent.id)).reason == "it did not fail"
    with pytest.raises(UnknownMessage):
        await mac1.messages.retry(str(uuid.uuid4()))


async def test_a_message_that_the_other_program_cannot_read_is_undeliverable(
    fleet: Machines, monkeypatch: pytest.MonkeyPatch
) -> None:
    mac1, mac2 = await fleet.started("mac1", "mac2")
    monkeypatch.setattr("multifleet.node.delivery.sending.packet_of", lambda *_: b'{"of":"another version"}')
    sent = await mac1.node.messages.send("mac2", "hello")
    story = await mac1.node.messages.wait(sent.id, "stored", 10.0)
    assert story.state == "undeliverable"
    assert "mac2 cannot read it" in (story.reason or "")
    assert await mac2.received() == []
    assert await mac1.node.store.outbox.counts() == {}


async def test_a_reply_goes_back_in_its_thread(fleet: Machines) -> None:
    mac1, mac2 = await fleet.started("mac1", "mac2")
    asked = await mac1.node.messages.send("mac2", "how?", thread="t")
    await mac1.wait(asked.id, State.STORED)
    await mac2.node.messages.reply(asked.id[:13], "so")
    await mac1.wait(asked.id, State.ANSWERED)
    [row] = await mac1.received()
    assert (row.body, row.reply_to, row.thread, row.type) == ("so", asked.id, "t", "reply")


async def test_an_answer_counts_on_from_the_very_message_that_it_answers(mac1: Node) -> None:
    id = "00000000-0000-7000-8000-00000000000a"
    sent = {"mac2": 3, "mac3": 5}
    now = mac1.clock.now()
    for node, hops in sent.items():
        row = inbox_row(id, sender=node, hops=hops, stored_at=now, authority="agent")
        await mac1.store.inbox.receive(InboundFrame(node, f"of {node}", FAR, (row,), (), 0, now))

    async def hops_to(reply_to: str, to: str = "mac1") -> int:
        accepted = await mac1.messages.send(to, "so", reply_to=reply_to)
        message = await _message(mac1, accepted.id)
        assert message.reply_to == id
        return message.hops

    with pytest.raises(BadInput, match=f"say which one is meant: mac2/{id} or mac3/{id}"):
        await hops_to(id)
    assert [await hops_to(f"{node}/{id}") for node in ("mac2", "mac3", "mac4")] == [4, 6, 0]
    assert await hops_to(id, to="mac2") == 4, "who sent one is answered"


async def test_accepting_says_why_the_peer_cannot_be_reached_at_the_moment(fleet: Machines) -> None:
    mac1, _ = fleet.add("mac1", "mac2")
    await mac1.start()
    await mac1.node.messages.send("mac2", "one")
    await until(lambda: mac1.node.outbox_of("mac2").failing)
    assert (await mac1.node.messages.send("mac2", "two")).reason == "memory: no route to mac2"


async def _message(node: Node, id: str) -> Message:
    return packets.read((await node.store.outbox.get(id))[0].packet, Message)
