"""Messages between whole nodes, whatever happens to the network and to the nodes meanwhile: each arrives once."""

import asyncio
import random
import threading
from typing import Any

import pytest

from multifleet.core.receipts import State
from multifleet.operations.views import Accepted
from multifleet.store.writer import Writer
from tests.node.fleet import SOON, Machine, Machines, hurry, until


async def test_a_message_arrives_and_its_sender_knows_it_from_the_recipient(fleet: Machines) -> None:
    mac1, mac2 = await fleet.started("mac1", "mac2")
    sent = await mac1.node.messages.send("mac2", "hello")
    story = await mac1.wait(sent.id, State.STORED)
    assert await mac2.bodies() == ["hello"]
    assert [(event.state, event.by) for event in story.events] == [("queued", "mac1"), ("stored", "mac2")]


async def test_a_node_sends_to_its_own_seats_the_same_way(fleet: Machines) -> None:
    (mac1,) = await fleet.started("mac1")
    sent = await mac1.node.messages.send("mac1", "note to self")
    await mac1.wait(sent.id, State.STORED)
    story = await mac1.node.messages.trace(sent.id, verify=True)
    assert await mac1.bodies() == ["note to self"]
    assert [event.verified for event in story.events] == [True, True]


async def test_what_is_sent_to_an_unreachable_node_waits_with_the_reason_and_arrives_later(fleet: Machines) -> None:
    mac1, mac2 = await fleet.started("mac1", "mac2")
    fleet.network.severed.add("mac2")
    sent = await mac1.node.messages.send("mac2", "hello")
    outbox = mac1.node.outbox_of("mac2")
    await until(lambda: outbox.failing)
    await mac1.node.store.database.settled()
    waiting = await mac1.node.messages.trace(sent.id)
    assert (waiting.state, waiting.reason) == ("queued", "memory: no route to mac2")
    fleet.network.severed.clear()
    outbox.heard_again()
    await mac1.wait(sent.id, State.STORED)
    assert await mac2.bodies() == ["hello"]


async def test_a_lost_answer_is_no_second_message(fleet: Machines) -> None:
    mac1, mac2 = await fleet.started("mac1", "mac2")
    fleet.network.answers_lost.add("mac2")
    sent = await mac1.node.messages.send("mac2", "hello")
    outbox = mac1.node.outbox_of("mac2")
    await until(lambda: mac2.node.counters.snapshot().get("messages_duplicate", 0) >= 1)
    assert (await mac1.node.messages.trace(sent.id)).state == "queued"
    fleet.network.answers_lost.clear()
    outbox.heard_again()
    await mac1.wait(sent.id, State.STORED)
    assert await mac2.bodies() == ["hello"]


async def test_statements_reach_the_sender_though_every_answer_to_it_is_lost(fleet: Machines) -> None:
    mac1, mac2 = await fleet.started("mac1", "mac2")
    fleet.network.answers_lost.add("mac2")
    sent = await mac1.node.messages.send("mac2", "hello")
    await until(lambda: mac2.node.counters.snapshot().get("messages_received", 0) == 1)
    # Nobody can tell mac1 in an answer, so mac2 says it in a request of its own.
    mac2.node.outbox_of("mac1").state()
    story = await mac1.wait(sent.id, State.STORED)
    assert story.events[-1].by == "mac2"


async def test_the_same_machines_talk_both_ways_while_one_direction_is_cut(fleet: Machines) -> None:
    mac1, mac2 = await fleet.started("mac1", "mac2")
    fleet.network.severed.add("mac2")
    there = await mac1.node.messages.send("mac2", "there")
    back = await mac2.node.messages.send("mac1", "back")
    await mac2.wait(back.id, State.STORED)
    assert (await mac1.node.messages.trace(there.id)).state == "queued"
    assert await mac1.bodies() == ["back"]


async def test_a_restart_of_either_side_loses_nothing_and_doubles_nothing(fleet: Machines) -> None:
    mac1, mac2 = await fleet.started("mac1", "mac2")
    fleet.network.answers_lost.add("mac2")
    sent = await mac1.node.messages.send("mac2", "hello")
    await until(lambda: mac2.node.counters.snapshot().get("messages_received", 0) == 1)
    await mac1.crash()
    await mac2.crash()
    fleet.network.answers_lost.clear()
    await mac2.start()
    await mac1.start()
    await mac1.wait(sent.id, State.STORED)
    assert await mac2.bodies() == ["hello"]
    assert all(e.verified for e in (await mac1.node.messages.trace(sent.id, verify=True)).events)


async def test_what_a_node_was_killed_before_writing_it_has_told_nobody(
    fleet: Machines, monkeypatch: pytest.MonkeyPatch
) -> None:
    mac1, mac2 = await fleet.started("mac1", "mac2")
    writes, may_commit = threading.Event(), threading.Event()
    commit = Writer._commit

    def slowly(writer: Writer, *more: Any) -> Any:
        if writer is mac2.node.store.database._writer:
            writes.set()
            may_commit.wait(SOON)
        return commit(writer, *more)

    monkeypatch.setattr(Writer, "_commit", slowly)
    sent = await mac1.node.messages.send("mac2", "hello")
    await until(writes.is_set)
    mac2._stack.callback(may_commit.set)
    await mac2.kill()
    monkeypatch.undo()
    assert (await mac1.node.messages.trace(sent.id)).state == "queued"
    await mac2.start()
    await mac1.wait(sent.id, State.STORED)
    assert await mac2.bodies() == ["hello"]


async def test_a_backlog_beyond_what_is_kept_in_memory_arrives_whole(
    fleet: Machines, monkeypatch: pytest.MonkeyPatch
) -> None:
    mac1, mac2 = fleet.add("mac1", "mac2")
    await mac1.start()
    sent = await _send_many(mac1, "mac2", 5_000)
    assert len(mac1.node.outbox_of("mac2")._queue) < 2_100
    await mac2.start()
    mac1.node.outbox_of("mac2").heard_again()
    await mac1.wait(sent[-1].id, State.STORED, 60.0)
    for one in sent:
        await mac1.wait(one.id, State.STORED, 30.0)
    assert await mac2.bodies() == sorted(f"message {number}" for number in range(5_000))
    counts = await mac1.node.store.outbox.counts()
    assert counts == {}
    assert mac2.node.counters.snapshot().get("messages_duplicate", 0) < 200


async def test_an_alert_overtakes_what_waits(fleet: Machines) -> None:
    mac1, mac2 = fleet.add("mac1", "mac2")
    await mac1.start()
    await _send_many(mac1, "mac2", 300)
    alert = await mac1.node.messages.send("mac2", "fire", type="alert")
    await mac2.start()
    mac1.node.outbox_of("mac2").heard_again()
    await mac1.wait(alert.id, State.STORED)
    await until(lambda: mac2.node.counters.snapshot().get("messages_received", 0) == 301)
    place = [row.body for row in await mac2.received()].index("fire")
    # Only what was already in a request when the alert was accepted is before it.
    assert place <= 64


@pytest.mark.parametrize("seed", range(6))
async def test_whatever_breaks_every_message_arrives_once_and_no_state_is_made_up(
    fleet: Machines, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    hurry(monkeypatch)
    chance = random.Random(seed)
    names = ["mac1", "mac2", "mac3"]
    machines = await fleet.started(*names)
    accepted: dict[str, tuple[Machine, str, Accepted]] = {}
    for step in range(60):
        await _something(fleet, machines, chance, accepted, step)
        await asyncio.sleep(0)
    for trouble in (fleet.network.severed, fleet.network.silent, fleet.network.answers_lost):
        trouble.clear()
    for machine in machines:
        for other in names:
            machine.node.outbox_of(other).heard_again()
    for body, (sender, to, sent) in accepted.items():
        story = await sender.wait(sent.id, State.STORED)
        assert story.to == to, body
    for machine in machines:
        expected = sorted(body for body, (_, to, _) in accepted.items() if to == machine.name)
        assert await machine.bodies() == expected, f"seed {seed}"
        assert await machine.node.store.outbox.counts() == {}
        for sent in [one for sender, _, one in accepted.values() if sender is machine]:
            story = await machine.node.messages.trace(sent.id, verify=True)
            assert all(event.verified for event in story.events)


async def _something(
    fleet: Machines,
    machines: list[Machine],
    chance: random.Random,
    accepted: dict[str, tuple[Machine, str, Accepted]],
    step: int,
) -> None:
    machine = chance.choice(machines)
    kind = chance.choices(["send", "break", "mend", "restart", "crash", "rest"], [10, 3, 3, 1, 1, 2])[0]
    trouble = chance.choice([fleet.network.severed, fleet.network.silent, fleet.network.answers_lost])
    if kind == "send":
        for number in range(chance.choice([1, 1, 1, 5, 80])):
            to, body = chance.choice(machines).name, f"{step}.{number} from {machine.name}"
            accepted[body] = (machine, to, await machine.node.messages.send(to, body))
    elif kind == "break":
        trouble.add(machine.name)
    elif kind == "mend":
        trouble.discard(machine.name)
        for other in machines:
            other.node.outbox_of(machine.name).heard_again()
    elif kind == "restart":
        await machine.restart()
    elif kind == "crash":
        await machine.crash()
        await machine.start()
    else:
        await asyncio.sleep(chance.uniform(0, 0.1))


async def _send_many(machine: Machine, to: str, count: int) -> list[Accepted]:
    return await asyncio.gather(*(machine.node.messages.send(to, f"message {number}") for number in range(count)))
