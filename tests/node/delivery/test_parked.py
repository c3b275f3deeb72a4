"""What lies somewhere else is `sent`, and its sender keeps it until the recipient itself has it."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import ClassVar

import pytest

from multifleet.channels.base import Carried, Here, Parcel, Success, Target
from multifleet.core.channel_state import ChannelEvent, ChannelState
from multifleet.core.receipts import State
from multifleet.node.delivery.parked import PARKED_AGAIN
from multifleet.node.diagnosis.gathering import lying
from tests.node.fleet import Machine, Machines, until


class Shelf:
    """A place for frames that both machines reach; a real channel in all but the distance."""

    name: ClassVar[str] = "seed"

    def __init__(self, frames: dict[str, list[bytes]]) -> None:
        self.frames = frames
        self.here: Here
        self.stores: Callable[[bytes, str, str, bool], Awaitable[tuple[int, bytes]]]

    async def start(self, stack: AsyncExitStack, here: Here) -> None:
        self.here = here

    def reaches(self, target: Target) -> str:
        return ""

    async def deliver(self, target: Target, parcel: Parcel) -> Carried:
        self.frames.setdefault(target.node, []).append(parcel.frame)
        brought = tuple(self.frames.pop(self.here.node, []))
        return Carried(Success.PARKED, where=f"the shelf of {target.node}", brought=brought)

    async def mend(self, target: Target) -> str:
        return "nothing is kept"

    async def fetch(self) -> None:
        """Take what lies here for this node, and leave what waits for those who left it."""
        for frame in self.frames.pop(self.here.node, []):
            await self.here.receive(frame, "shelf", self.name, True)


async def apart(fleet: Machines) -> tuple[Machine, Machine, dict[str, list[bytes]]]:
    """Two machines that reach nothing but the shelf."""
    frames: dict[str, list[bytes]] = {}
    mac1, mac2 = fleet.add("mac1", "mac2")
    for machine in (mac1, mac2):
        machine.more_channels = [Shelf(frames)]
        await machine.start()
    fleet.network.severed |= {"mac1", "mac2"}
    return mac1, mac2, frames


def shelf_of(machine: Machine) -> Shelf:
    (shelf,) = machine.more_channels
    assert isinstance(shelf, Shelf)
    return shelf


async def test_what_is_parked_is_sent_and_says_where_it_lies(fleet: Machines) -> None:
    mac1, mac2, _ = await apart(fleet)
    sent = await mac1.node.messages.send("mac2", "hello")
    story = await mac1.wait(sent.id, State.SENT)
    assert story.reason == "by seed: the shelf of mac2"
    assert await mac2.received() == []
    assert await mac1.node.store.outbox.counts() == {"mac2": 1}, "the sender keeps it"
    await mac1.node.store.database.settled()
    mac1.time.pass_(60.0)
    (listed,) = await mac1.node.messages.outbox("mac2", 10)
    assert listed.sent_at == next(event.at for event in story.events if event.state == State.SENT)
    (lies,) = await lying(mac1.node, "mac2")
    assert (lies.where, lies.messages) == (story.reason, 1) and 60 <= lies.seconds < 80


async def test_the_recipients_receipt_by_the_same_way_closes_it_and_proves_the_channel(fleet: Machines) -> None:
    mac1, mac2, frames = await apart(fleet)
    sent = await mac1.node.messages.send("mac2", "hello")
    await mac1.wait(sent.id, State.SENT)
    await shelf_of(mac2).fetch()
    assert await mac2.bodies() == ["hello"]
    back = await mac2.node.here.waiting_for("mac1")
    assert back is not None, "its receipt waits for mac1"
    frames["mac1"] = [back]
    await shelf_of(mac1).fetch()
    await mac1.wait(sent.id, State.STORED)
    assert await mac1.node.store.outbox.counts() == {}
    assert mac1.node.health_of_channels.of("mac2")["seed"].state is ChannelState.HEALTHY
    assert mac1.node.outbox_of("mac2").parked == 0


async def test_what_lies_elsewhere_goes_again_once_a_channel_that_only_parks_has_healed(fleet: Machines) -> None:
    mac1, mac2, frames = await apart(fleet)
    lost = await mac1.node.messages.send("mac2", "lost on its way")
    await mac1.wait(lost.id, State.SENT)
    mac1.node.health_of_channels.happened("mac2", "seed", ChannelEvent.FAILED, error="no such folder")
    frames.clear()
    for machine in (mac1, mac2):
        machine.time.pass_(5.0)
    sent = await mac1.node.messages.send("mac2", "hello")
    await mac1.wait(sent.id, State.SENT)
    assert mac1.node.health_of_channels.of("mac2")["seed"].state is ChannelState.UNTRIED
    await shelf_of(mac2).fetch()
    back = await mac2.node.here.waiting_for("mac1")
    assert back is not None
    frames["mac1"] = [back]
    await shelf_of(mac1).fetch()
    await mac1.wait(sent.id, State.STORED)
    while sorted(await mac2.bodies()) != ["hello", "lost on its way"]:
        await until(lambda: "mac2" in frames)
        await shelf_of(mac2).fetch()


async def test_it_goes_again_by_whatever_way_works_once_the_peer_is_back_and_is_there_once(fleet: Machines) -> None:
    mac1, mac2, _ = await apart(fleet)
    sent = await mac1.node.messages.send("mac2", "hello")
    await mac1.wait(sent.id, State.SENT)
    fleet.network.severed.clear()
    mac1.node.outboxes.try_now("mac2")
    await mac1.wait(sent.id, State.STORED)
    await shelf_of(mac2).fetch()
    assert await mac2.bodies() == ["hello"]
    mac2.node.outboxes.state_to("mac1")
    story = await mac1.node.messages.trace(sent.id)
    assert [event.state for event in story.events].count(State.STORED) == 1, "it is said again, and told once"


async def test_one_that_comes_back_while_it_is_being_parked_has_it_at_once(fleet: Machines) -> None:
    mac1, mac2, _ = await apart(fleet)
    shelf, park = shelf_of(mac1), shelf_of(mac1).deliver

    async def wakes(target: Target, parcel: Parcel) -> Carried:
        fleet.network.severed.clear()
        mac1.node.outbox_of("mac2").heard_again()
        return await park(target, parcel)

    shelf.deliver = wakes  # type: ignore[method-assign]
    sent = await mac1.node.messages.send("mac2", "hello")
    await mac1.wait(sent.id, State.STORED)
    assert await mac2.bodies() == ["hello"]


async def test_it_is_sent_again_after_a_while(fleet: Machines) -> None:
    mac1, mac2, frames = await apart(fleet)
    sent = await mac1.node.messages.send("mac2", "hello")
    await mac1.wait(sent.id, State.SENT)
    frames.clear()  # the shelf has burnt
    mac1.time.pass_(PARKED_AGAIN)
    mac1.node.outbox_of("mac2").probe()
    await until(lambda: frames.get("mac2"))
    await shelf_of(mac2).fetch()
    assert await mac2.bodies() == ["hello"]


async def test_a_restart_of_the_sender_forgets_nothing(fleet: Machines) -> None:
    mac1, mac2, frames = await apart(fleet)
    sent = await mac1.node.messages.send("mac2", "hello")
    await mac1.wait(sent.id, State.SENT)
    frames.clear()
    await mac1.restart()
    await until(lambda: frames.get("mac2"))
    await shelf_of(mac2).fetch()
    assert [row.id for row in await mac2.received()] == [sent.id]


class Slow(Shelf):
    """A way that takes its time."""

    name: ClassVar[str] = "git"

    async def deliver(self, target: Target, parcel: Parcel) -> Carried:
        await asyncio.Event().wait()
        raise AssertionError


async def test_nobody_waits_for_a_slow_way_once_the_peer_is_back(fleet: Machines) -> None:
    mac1, mac2 = fleet.add("mac1", "mac2")
    mac1.more_channels = [Slow({})]
    await mac1.start()
    await mac2.start()
    fleet.network.severed.add("mac2")
    sent = await mac1.node.messages.send("mac2", "hello")
    await until(lambda: mac1.node.attempts.silent("mac2", 0.0))
    fleet.network.severed.clear()
    mac1.time.pass_(2.0)
    mac1.node.outboxes.is_back("mac2")
    await mac1.wait(sent.id, State.STORED, 5.0)


async def test_a_channel_is_told_when_the_last_message_of_a_frame_is_over(fleet: Machines) -> None:
    told: list[int] = []

    class Watched(Shelf):
        async def deliver(self, target: Target, parcel: Parcel) -> Carried:
            told.append(parcel.expires)
            return await super().deliver(target, parcel)

    mac1, _ = fleet.add("mac1", "mac2")
    mac1.more_channels = [Watched({})]
    await mac1.start()
    sent = await mac1.node.messages.send("mac2", "hello", expires_in=100.0)
    await mac1.wait(sent.id, State.SENT)
    assert told == [pytest.approx(mac1.node.clock.now() + 100, abs=5)]


class Relay(Shelf):
    """A shelf among the quick ways."""

    name: ClassVar[str] = "relay"


class Login(Shelf):
    """A way that needs no daemon there."""

    name: ClassVar[str] = "ssh"

    async def deliver(self, target: Target, parcel: Parcel) -> Carried:
        _, answer = await self.stores(parcel.frame, "ssh", self.name, False)
        return Carried(Success.ANSWERED, answer, where="mac2")


async def test_what_a_relay_keeps_is_stored_over_ssh_where_that_can_be(fleet: Machines) -> None:
    mac1, mac2 = fleet.add("mac1", "mac2")
    await mac2.open()
    login = Login({})
    login.stores = mac2.node.here.receive
    mac1.more_channels = [Relay({}), login]
    fleet.network.severed.add("mac2")
    await mac1.start()
    sent = await mac1.node.messages.send("mac2", "hello")
    await mac1.wait(sent.id, State.STORED)
    assert [(row.body, row.channel) for row in await mac2.received()] == [("hello", "ssh")]
    assert mac1.node.outbox_of("mac2").parked == 0
