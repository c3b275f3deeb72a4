"""The story of a message, and that nothing in it can be made up afterwards."""

import sqlite3
import uuid
from pathlib import Path

import pytest

from multifleet.core.receipts import State
from multifleet.errors import BadInput, UnknownMessage, UnknownNode
from multifleet.store.rows import LogRow
from tests.node.fleet import Machine, Machines

TAMPERED = [
    ("state", "'seen'"),
    ("at", "at + 1"),
    ("by", "'mac1'"),
    ("channel", "'drop'"),
    ("attempt", "attempt + 1"),
    ("detail", "'all good'"),
    ("mac", "replace(mac, substr(mac, 1, 1), 'x')"),
    ("seq", "seq + 7"),
]


@pytest.mark.parametrize(("column", "value"), TAMPERED)
async def test_a_tampered_row_fails_verification(fleet: Machines, column: str, value: str) -> None:
    mac1, sent = await _stored(fleet)
    _execute(mac1.home, f"UPDATE receipts SET {column} = {value} WHERE seq IS NOT NULL")
    story = await mac1.node.messages.trace(sent, verify=True)
    assert sorted(event.verified is True for event in story.events) == [False, True]


@pytest.mark.parametrize(("column", "value"), [("state", "'expired'"), ("at", "at - 60"), ("detail", "'x'")])
async def test_a_tampered_row_of_our_own_fails_verification_too(fleet: Machines, column: str, value: str) -> None:
    mac1, sent = await _stored(fleet)
    _execute(mac1.home, f"UPDATE receipts SET {column} = {value} WHERE seq IS NULL")
    story = await mac1.node.messages.trace(sent, verify=True)
    assert sorted(event.verified is True for event in story.events) == [False, True]


async def test_a_row_that_was_put_in_fails_verification(fleet: Machines) -> None:
    mac1, sent = await _stored(fleet)
    _execute(
        mac1.home,
        "INSERT INTO receipts (message_id, peer, seq, state, at, by, channel, attempt, detail, mac)"
        " SELECT message_id, peer, 99, 'seen', at + 1, by, channel, attempt, detail, mac FROM receipts"
        " WHERE seq IS NOT NULL",
    )
    story = await mac1.node.messages.trace(sent, verify=True)
    assert [event.verified for event in story.events] == [True, True, False]


async def test_verification_survives_a_restart_of_both(fleet: Machines) -> None:
    mac1, sent = await _stored(fleet)
    await mac1.restart()
    story = await mac1.node.messages.trace(sent, verify=True)
    assert [event.verified for event in story.events] == [True, True]


async def test_a_story_is_not_verified_unless_asked(fleet: Machines) -> None:
    mac1, sent = await _stored(fleet)
    assert {event.verified for event in (await mac1.node.messages.trace(sent)).events} == {None}


async def test_a_third_nodes_word_about_a_message_counts_for_nothing(fleet: Machines) -> None:
    mac1, mac3, _ = fleet.add("mac1", "mac3", "mac2")
    await mac1.start()
    await mac3.start()
    sent = await mac1.node.messages.send("mac2", "for mac2 alone")
    # mac3 has somehow learned the id and claims, under its own good key, to have shown the message.
    await _claim(mac3, "mac1", sent.id, "seen")
    assert (await mac1.node.messages.trace(sent.id)).state == "queued"
    assert await mac1.node.messages.until(sent.id, State.SEEN, 0.05) == State.QUEUED
    assert (await mac1.node.store.outbox.get(sent.id))[0].closed_at is None


async def test_the_recipient_tells_what_it_knows_of_a_message(fleet: Machines) -> None:
    _, sent = await _stored(fleet)
    story = await fleet.all["mac2"].node.messages.trace(sent)
    assert (story.from_, story.to, story.state) == ("mac1", "mac2", "stored")


async def test_the_beginning_of_an_id_is_enough_where_it_is_the_only_one(fleet: Machines) -> None:
    mac1, sent = await _stored(fleet)
    assert (await mac1.node.messages.trace(sent[:20])).id == sent
    await mac1.node.messages.send("mac2", "x", id=sent[:-1] + ("0" if sent[-1] != "0" else "1"))
    with pytest.raises(BadInput, match="2 messages begin"):
        await mac1.node.messages.trace(sent[:20])
    with pytest.raises(UnknownMessage, match="multifleet inbox"):
        await mac1.node.messages.trace(str(uuid.uuid4()))


async def test_waiting_for_a_state_that_is_none_lists_those_that_are(fleet: Machines) -> None:
    mac1, sent = await _stored(fleet)
    with pytest.raises(BadInput, match="queued, sent, stored"):
        await mac1.node.messages.wait(sent, "delivered", 0.1)


async def test_waiting_ends_with_the_time_and_says_that_it_was_not_reached(fleet: Machines) -> None:
    mac1, sent = await _stored(fleet)
    story = await mac1.node.messages.wait(sent, "seen", 0.05)
    assert (story.state, story.reached) == ("stored", False)


async def test_reading_marks_a_message_as_read_and_shows_it_whole(fleet: Machines) -> None:
    await _stored(fleet)
    messages = fleet.all["mac2"].node.messages
    [unread] = await messages.inbox(None, True, 10)
    assert (await messages.read(unread.id[:12])).body == "hello"
    assert await messages.inbox(None, True, 10) == []
    assert len(await messages.inbox(None, False, 10)) == 1


async def test_outbox_and_receipts_list_the_newest_first(fleet: Machines) -> None:
    mac1, first = await _stored(fleet)
    second = await mac1.node.messages.send("mac2", "again", subject="two")
    await mac1.wait(second.id, State.STORED)
    assert [row.id for row in await mac1.node.messages.outbox("mac2", 10)] == [second.id, first]
    assert [row.state for row in await mac1.node.messages.receipts(first, 10)] == ["stored", "queued"]
    assert len(await mac1.node.messages.receipts(None, 3)) == 3
    with pytest.raises(UnknownNode):
        await mac1.node.messages.outbox("mac9", 10)


async def _stored(fleet: Machines) -> tuple[Machine, str]:
    mac1, _ = await fleet.started("mac1", "mac2")
    sent = await mac1.node.messages.send("mac2", "hello")
    await mac1.wait(sent.id, State.STORED)
    await mac1.node.store.database.settled()
    return mac1, sent.id


async def _claim(machine: Machine, to: str, message: str, state: str) -> None:
    """Have a node state something, well signed, about a message that it never got."""
    node = machine.node
    member = node.members.need(to)
    asked = node.exchange.request(member, [], [LogRow(1, message, state, 1.0, None, 1, None)], 1)
    answer = await machine.network.nodes[to](asked.frame)
    assert not node.exchange.open_answer(member, asked, answer).refusal


def _execute(home: Path, statement: str) -> None:
    connection = sqlite3.connect(home / "store.db")
    try:
        assert connection.execute(statement).rowcount == 1
        connection.commit()
    finally:
        connection.close()


async def test_an_unknown_node_says_which_there_are_and_how_one_gets_in(fleet: Machines) -> None:
    mac1, _ = await fleet.started("mac1", "mac2")
    with pytest.raises(UnknownNode, match=r"known: mac2\): write to one of these, or .* multifleet invite"):
        await mac1.node.messages.send("nowhere", "hello")


async def test_a_message_that_is_tried_again_has_its_story_in_order_of_time(fleet: Machines) -> None:
    mac1, mac2 = await fleet.started("mac1", "mac2")
    sent = await mac1.node.messages.send("mac2/nope", "hello")
    await mac1.wait(sent.id, State.REFUSED)
    mac1.time.pass_(60)
    mac2.time.pass_(60)
    await mac1.node.messages.retry(sent.id)
    story = await mac1.node.messages.wait(sent.id, None, 20.0, 3)
    assert [event.state for event in story.events] == ["queued", "refused", "queued", "refused"]


@pytest.mark.parametrize("ahead", [-3_600.0, 3_600.0])
async def test_a_peers_wrong_clock_does_not_put_a_story_out_of_order(fleet: Machines, ahead: float) -> None:
    mac1, mac2 = fleet.add("mac1", "mac2")
    mac2.time.wall_shift = ahead
    await mac1.start()
    await mac2.start()
    sent = await mac1.node.messages.send("mac2/nope", "hello")
    await mac1.wait(sent.id, State.REFUSED)
    for machine in (mac1, mac2):
        machine.time.pass_(60)
    await mac1.node.messages.retry(sent.id)
    story = await mac1.node.messages.wait(sent.id, None, 20.0, 3)
    assert [event.state for event in story.events] == ["queued", "refused", "queued", "refused"]


async def test_what_the_recipient_stated_stays_in_its_order_whatever_its_clock_did(fleet: Machines) -> None:
    mac1, sent = await _stored(fleet)
    _execute(
        mac1.home,
        "INSERT INTO receipts (message_id, peer, seq, state, at, by, channel, attempt, detail, mac)"
        " SELECT message_id, peer, 99, 'seen', at - 900, by, channel, attempt, detail, mac FROM receipts"
        " WHERE seq IS NOT NULL",
    )
    story = await mac1.node.messages.trace(sent)
    assert [event.state for event in story.events] == ["queued", "stored", "seen"]


async def test_of_two_messages_with_one_id_each_is_meant_by_its_machine(fleet: Machines) -> None:
    mac1, mac2, mac3 = await fleet.started("mac1", "mac2", "mac3")
    id = (await mac1.node.messages.send("mac2", "from mac1")).id
    await mac1.wait(id, State.STORED)
    await mac3.node.messages.send("mac2", "from mac3", id=id)
    await mac3.wait(id, State.STORED)
    messages = mac2.node.messages
    for refused in (messages.read, messages.verify, messages.trace):
        with pytest.raises(BadInput, match=f"2 machines sent .*: mac[13]/{id} or mac[13]/{id}"):
            await refused(id)
    for machine in (mac1, mac3):
        named = f"{machine.name}/{id[:20]}"
        assert (await messages.read(named)).body == f"from {machine.name}"
        assert (await messages.verify(named)).from_ == (await messages.trace(named)).from_ == machine.name
        assert (await messages.wait(named, "stored", 1.0)).reached
        reply = await messages.reply(named, f"to {machine.name}")
        await mac2.wait(reply.id, State.STORED)
        assert await machine.bodies() == [f"to {machine.name}"]
    with pytest.raises(UnknownMessage):
        await messages.read(f"mac2/{id}")
