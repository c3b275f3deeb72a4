"""Whoever's clock is set, both ends learn it at once; and what is only recorded makes few questions."""

import asyncio
import sqlite3

from multifleet.channels.base import ChannelError
from multifleet.core.receipts import State
from multifleet.core.replay import ReplayClock
from multifleet.node.clock import Clocks, NodeClock
from multifleet.node.clock_doubts import AT_ONCE, FIRST_AGAIN, ClockDoubts
from multifleet.node.members import Members
from tests.core.wire import FLEET, MAC1, NOW, identity
from tests.node.delivery.test_parked import apart
from tests.node.delivery.test_receiving import ask, now_message, request
from tests.node.fleet import Machines, pinned, until
from tests.node.presence.test_presence import fleet_of, sees
from tests.node.served import Daemons

SETTLED = 15.0
"""Seconds."""
ANOTHER = "01890000-0000-7000-8000-000000000777"


class World:
    """mac1, whose doubts ask whom `asked` names."""

    def __init__(self, *peers: str) -> None:
        self.monotonic = 1_000.0
        self.asked: list[str] = []
        self.members = Members(MAC1, FLEET)
        for name in peers:
            self.members.admit(pinned(identity(name)))
        clocks = Clocks(lambda: NOW, lambda: self.monotonic)
        clock = NodeClock(clocks, ReplayClock.start(NOW, 0.0, self.monotonic))
        self.doubts = ClockDoubts(self.members, clock, self.asked.append)

    def now(self) -> float:
        return NOW + self.monotonic - 1_000.0


async def test_each_time_that_a_clock_is_set_both_ends_hear_each_other_again_soon(daemons: Daemons) -> None:
    mac1, mac2 = await fleet_of(daemons, "mac1", "mac2")
    for ahead in (600, 600, -1200):
        await mac2.down()
        await until(lambda: sees(mac1, mac2) == "dead")
        mac2.time.wall_shift += ahead
        with sqlite3.connect(mac2.home / "store.db") as store:  # else it would not go back
            store.execute("DELETE FROM meta WHERE key = 'replay_clock'")
        await mac2.up()
        async with asyncio.timeout(SETTLED):
            await until(lambda: sees(mac1, mac2) == "alive", SETTLED)
            await until(lambda: mac2.node.presence.peer("mac1").round_trip is not None, SETTLED)
        assert sees(mac2, mac1) == "alive"


def test_a_member_of_which_old_datagrams_come_is_asked_less_and_less_often_until_it_tells_something_new() -> None:
    world = World("mac2")
    for _ in range(3_600):
        world.doubts.outside_window("mac2")
        world.monotonic += 1.0
    assert 10 <= len(world.asked) <= 20
    world.members.need("mac2").offset = 600.0
    world.doubts.outside_window("mac2")
    world.monotonic += FIRST_AGAIN
    before = len(world.asked)
    world.doubts.outside_window("mac2")
    assert len(world.asked) == before + 1


def test_doubts_about_many_members_at_once_ask_few_and_about_strangers_nobody() -> None:
    names = [f"node{number}" for number in range(100)]
    world = World(*names)
    for name in [*names, "stranger"]:
        world.doubts.outside_window(name)
    assert world.asked == names[: int(AT_ONCE)]


def test_a_time_that_is_as_expected_gives_rise_to_no_doubt() -> None:
    world = World("mac2")
    member = world.members.need("mac2")
    world.doubts.told(member, world.now() + 30)
    member.offset = -600.0
    world.doubts.told(member, world.now() - 590)
    assert world.asked == []
    world.doubts.told(member, world.now())
    assert world.asked == ["mac2"]


async def test_what_a_stranger_repeats_has_a_member_asked_and_nothing_sent_anew_before_it_answers(
    fleet: Machines,
) -> None:
    mac1, mac2, frames = await apart(fleet)
    asked: list[bytes] = []
    sent = await mac1.node.messages.send("mac2", "hello")
    await mac1.wait(sent.id, State.SENT)
    outbox = mac1.node.outbox_of("mac2")
    outbox._retry_at = waits = mac1.node.clock.monotonic() + 300.0
    lying = len(frames["mac2"])

    async def silent(frame: bytes) -> bytes:
        asked.append(frame)
        raise ChannelError("no answer")

    answers = fleet.network.nodes["mac2"]
    fleet.network.nodes["mac2"] = silent
    fleet.network.severed.clear()
    mac1.node.clock_doubts.outside_window("mac2")
    await until(lambda: asked and not mac1.node.outboxes._asked)
    assert (len(frames["mac2"]), outbox.parked, outbox._retry_at) == (lying, 1, waits)
    fleet.network.nodes["mac2"] = answers
    mac1.node.outboxes.ask_now("mac2")
    await mac1.wait(sent.id, State.STORED)
    assert await mac2.bodies() == ["hello"]


async def test_a_frame_that_is_known_already_raises_no_doubt(fleet: Machines) -> None:
    _, machine = fleet.add("mac1", "mac2")
    node = await machine.open()
    asked: list[str] = []
    node.clock_doubts._ask = asked.append
    data = request(node, now_message(node))
    await ask(node, data)
    machine.time.pass_(100.0)
    assert (await ask(node, data))[0] == 409
    assert asked == []
    await ask(
        node, request(node, now_message(node, id=ANOTHER), sent=node.clock.now(), time=int(node.clock.now()) - 100)
    )
    assert asked == ["mac1"]
