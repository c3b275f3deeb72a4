"""A message is given up only with the truth: expired where it certainly did not arrive, else outcome unknown."""

import pytest

from multifleet.core.receipts import State
from tests.node.fleet import Machines, hurry, until


async def test_what_never_left_is_expired_with_the_reason(fleet: Machines) -> None:
    mac1, _ = fleet.add("mac1", "mac2")
    await mac1.start()
    sent = await mac1.node.messages.send("mac2", "hello", expires_in=30.0)
    await mac1.lets_expire("mac2")
    await mac1.wait(sent.id, State.EXPIRED)
    story = await mac1.node.messages.trace(sent.id, verify=True)
    assert (story.state, story.reason) == ("expired", "memory: no route to mac2")
    assert [event.verified for event in story.events] == [True, True]
    assert await mac1.node.store.outbox.counts() == {}


async def test_what_may_have_arrived_is_undeliverable_with_its_outcome_unknown(
    fleet: Machines, monkeypatch: pytest.MonkeyPatch
) -> None:
    hurry(monkeypatch)
    mac1, _ = await fleet.started("mac1", "mac2")
    fleet.network.silent.add("mac2")
    sent = await mac1.node.messages.send("mac2", "hello", expires_in=30.0)
    await mac1.lets_expire("mac2")
    story = await mac1.wait(sent.id, State.UNDELIVERABLE)
    assert "outcome unknown" in (story.reason or "")


async def test_what_the_peer_states_later_overrides_that_it_was_given_up(fleet: Machines) -> None:
    mac1, mac2 = await fleet.started("mac1", "mac2")
    fleet.network.answers_lost.add("mac2")
    fleet.network.severed.add("mac1")
    sent = await mac1.node.messages.send("mac2", "hello", expires_in=30.0)
    await mac1.lets_expire("mac2")
    await mac1.wait(sent.id, State.UNDELIVERABLE)
    assert len(await mac2.received()) == 1
    fleet.network.severed.clear()
    mac2.node.outbox_of("mac1").state()
    mac2.node.outbox_of("mac1").heard_again()
    await until(lambda: mac1.node.tracker.state(sent.id) is not State.UNDELIVERABLE)
    story = await mac1.node.messages.trace(sent.id, verify=True)
    assert ("stored", "mac2") in [(event.state, event.by) for event in story.events]
    assert story.state != "undeliverable"
    assert all(event.verified for event in story.events)
    assert [row.state for row in await mac1.node.store.outbox.get(sent.id)] == [story.state]


async def test_an_unknown_outcome_is_remembered_over_a_restart(
    fleet: Machines, monkeypatch: pytest.MonkeyPatch
) -> None:
    hurry(monkeypatch)
    mac1, _ = await fleet.started("mac1", "mac2")
    fleet.network.silent.add("mac2")
    sent = await mac1.node.messages.send("mac2", "hello", expires_in=30.0)
    await until(lambda: mac1.node.outbox_of("mac2").failing)
    await mac1.stop()
    fleet.network.silent.clear()
    fleet.network.severed.add("mac2")
    await mac1.start()
    await mac1.lets_expire("mac2")
    story = await mac1.wait(sent.id, State.UNDELIVERABLE)
    assert "outcome unknown" in (story.reason or "")


async def test_what_expired_while_the_node_was_down_is_told_when_it_is_up(fleet: Machines) -> None:
    mac1, _ = fleet.add("mac1", "mac2")
    await mac1.start()
    sent = await mac1.node.messages.send("mac2", "hello", expires_in=30.0)
    await until(lambda: mac1.node.outbox_of("mac2").failing)
    await mac1.stop()
    mac1.time.pass_(60.0)
    await mac1.start()
    story = await mac1.node.messages.wait(sent.id, "stored", 10.0)
    assert story.ended


async def test_a_message_that_expires_there_before_it_is_shown_is_told_as_expired(fleet: Machines) -> None:
    mac1, mac2 = await fleet.started("mac1", "mac2")
    sent = await mac1.node.messages.send("mac2", "hello", expires_in=30.0)
    await mac1.wait(sent.id, State.STORED)
    mac2.time.pass_(60.0)
    mac2.node.offering.wake()
    story = await mac1.wait(sent.id, State.EXPIRED)
    assert story.events[-1].by == "mac2"
    assert [row.state for row in await mac2.received()] == ["expired"]


async def test_many_that_expire_together_are_all_told(fleet: Machines) -> None:
    mac1, _ = fleet.add("mac1", "mac2")
    await mac1.start()
    sent = [await mac1.node.messages.send("mac2", "x", expires_in=30.0) for _ in range(50)]
    await mac1.lets_expire("mac2")
    for one in sent:
        await mac1.wait(one.id, State.EXPIRED)
    assert len(mac1.node.outbox_of("mac2")._queue) == 0
