"""Statements of peers are kept once, whole, and only when they are proved."""

import pytest

from multifleet.core.packets import Statement
from multifleet.core.receipts import State, state_it
from multifleet.errors import StoreUnavailable
from multifleet.node.node import Node
from tests.core.wire import MAC1, MAC2, pair
from tests.node.fleet import Machine, Machines, until

BACK = pair(MAC2, MAC1)


def said(seq: int, id: str, state: str = "stored", key: bytes = BACK.receipt) -> Statement:
    """What mac2 states to mac1."""
    return state_it(key, "mac2", "mac1", seq=seq, id=id, state=state, at=5.0, channel="http", attempt=1, detail="")


@pytest.fixture
async def mac1(fleet: Machines) -> Machine:
    """A node that has sent to mac2, which it cannot reach."""
    machine, _ = fleet.add("mac1", "mac2")
    await machine.open()
    return machine


async def sent(node: Node, count: int) -> list[str]:
    """The ids of new messages to mac2."""
    return [(await node.messages.send("mac2", str(number))).id for number in range(count)]


async def states(node: Node, ids: list[str]) -> list[str]:
    """Of messages, by their stories."""
    return [(await node.messages.trace(id)).state for id in ids]


async def test_statements_close_messages_and_are_confirmed_up_to_the_first_gap(mac1: Machine) -> None:
    node = mac1.node
    ids = await sent(node, 3)
    mac2 = node.members.need("mac2")
    await node.hearing.take(mac2, [said(1, ids[0])])
    node.hearing.take_later(mac2, [said(3, ids[2])], whole=False)
    assert await states(node, ids) == ["stored", "queued", "stored"]
    assert node.store.receipts.durable_have("mac2") == 1
    node.hearing.take_later(mac2, [said(2, ids[1])], whole=False)
    assert await states(node, ids) == ["stored"] * 3
    assert node.store.receipts.durable_have("mac2") == 3


async def test_a_statement_that_comes_again_is_kept_once(mac1: Machine) -> None:
    node = mac1.node
    [id] = await sent(node, 1)
    mac2 = node.members.need("mac2")
    for _ in range(3):
        await node.hearing.take(mac2, [said(1, id)])
    assert len(await node.store.receipts.of(id)) == 2


async def test_what_a_full_disk_turned_away_is_taken_when_it_is_said_again(
    mac1: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    node = mac1.node
    ids = await sent(node, 2)
    mac2 = node.members.need("mac2")

    async def full(*_: object) -> None:
        raise StoreUnavailable("the disk is full: make room")

    with monkeypatch.context() as patch:
        patch.setattr(node.store.receipts, "record", full)
        with pytest.raises(StoreUnavailable):
            await node.hearing.take(mac2, [said(1, ids[0]), said(2, ids[1])])
    assert await states(node, ids) == ["queued", "queued"]
    await node.hearing.take(mac2, [said(1, ids[0]), said(2, ids[1])])
    assert await states(node, ids) == ["stored", "stored"]
    assert node.store.receipts.durable_have("mac2") == 2


async def test_a_forged_statement_spoils_its_list_and_nothing_that_comes_later(mac1: Machine) -> None:
    node = mac1.node
    ids = await sent(node, 2)
    mac2 = node.members.need("mac2")
    await node.hearing.take(mac2, [said(1, ids[0]), said(2, ids[1], key=BACK.mac)])
    assert await states(node, ids) == ["queued", "queued"]
    assert node.counters.snapshot()["receipt_forged"] == 1
    await node.hearing.take(mac2, [said(1, ids[0]), said(2, ids[1])])
    assert await states(node, ids) == ["stored", "stored"]


@pytest.mark.parametrize("state", ["queued", "sent", "offering", "delivered"])
async def test_a_recipient_cannot_state_what_only_the_sender_knows(mac1: Machine, state: str) -> None:
    node = mac1.node
    ids = await sent(node, 2)
    await node.hearing.take(node.members.need("mac2"), [said(1, ids[0], state), said(2, ids[1])])
    assert await states(node, ids) == ["queued", "stored"]
    assert node.counters.snapshot()["receipt_unknown_state"] == 1
    assert node.store.receipts.durable_have("mac2") == 2


async def test_a_new_store_goes_on_where_the_peer_is(mac1: Machine) -> None:
    node = mac1.node
    ids = await sent(node, 2)
    mac2 = node.members.need("mac2")
    # Up to 40 was confirmed by a store that is lost; the peer has forgotten it.
    await node.hearing.take(mac2, [said(41, ids[0]), said(42, ids[1])])
    assert node.store.receipts.durable_have("mac2") == 42
    assert await states(node, ids) == ["stored", "stored"]


async def test_a_list_with_gaps_does_not_pass_for_a_whole_one(mac1: Machine) -> None:
    node = mac1.node
    ids = await sent(node, 2)
    mac2 = node.members.need("mac2")
    node.hearing.take_later(mac2, [said(2, ids[1])], whole=False)
    await node.store.database.settled()
    assert node.store.receipts.durable_have("mac2") == 0
    node.hearing.take_later(mac2, [said(1, ids[0])], whole=False)
    assert await states(node, ids) == ["stored", "stored"]


async def test_hearing_goes_on_after_a_restart(mac1: Machine) -> None:
    ids = await sent(mac1.node, 2)
    await mac1.node.hearing.take(mac1.node.members.need("mac2"), [said(1, ids[0])])
    await mac1.stop()
    node = await mac1.open()
    assert node.store.receipts.durable_have("mac2") == 1
    await node.hearing.take(node.members.need("mac2"), [said(1, ids[0]), said(2, ids[1])])
    assert node.store.receipts.durable_have("mac2") == 2
    assert await states(node, ids) == ["stored", "stored"]


async def test_messages_flow_on_after_the_senders_store_was_lost(fleet: Machines) -> None:
    mac1, mac2 = await fleet.started("mac1", "mac2")
    for number in range(3):
        one = await mac1.node.messages.send("mac2", f"before {number}")
        await mac1.wait(one.id, State.STORED)
    await mac1.stop()
    for part in mac1.home.glob("store.db*"):
        part.unlink()
    await mac1.start()
    one = await mac1.node.messages.send("mac2", "after")
    await mac1.wait(one.id, State.STORED)
    mac1.node.outbox_of("mac2").probe()
    # Only an exchange without messages is known to leave nothing out; from then on nothing is said twice.
    await mac2.node.messages.send("mac1", "hello back")
    mac2.node.outbox_of("mac1").state()
    await until(lambda: mac1.node.store.receipts.durable_have("mac2") >= 4)
