"""Clocks that are wrong, or are stepped while a node runs: messages are delivered all the same."""

import time

import pytest

from multifleet.core.receipts import State
from multifleet.node.clock import Clocks, NodeClock, continuous
from tests.node.fleet import Machines, Time


@pytest.mark.parametrize("skew", [600.0, -600.0, 86_400.0 * 400])
async def test_a_machine_whose_clock_is_off_delivers_and_its_offset_is_learned(fleet: Machines, skew: float) -> None:
    mac1, mac2 = fleet.add("mac1", "mac2")
    mac2.time = Time(wall_shift=skew)
    await mac1.start()
    await mac2.start()
    there = await mac1.node.messages.send("mac2", "there")
    back = await mac2.node.messages.send("mac1", "back")
    await mac1.wait(there.id, State.STORED)
    await mac2.wait(back.id, State.STORED)
    assert abs((mac1.node.members.need("mac2").offset or 0) - skew) < 3
    assert abs((mac2.node.members.need("mac1").offset or 0) + skew) < 3
    # Learning it was no failure of the channel.
    assert "delivery_failed" not in mac1.node.counters.snapshot()


async def test_a_learned_offset_is_kept_over_a_restart(fleet: Machines) -> None:
    mac1, mac2 = fleet.add("mac1", "mac2")
    mac2.time = Time(wall_shift=600.0)
    await mac2.start()
    await mac1.start()
    sent = await mac1.node.messages.send("mac2", "one")
    await mac1.wait(sent.id, State.STORED)
    await mac1.restart()
    refused = mac2.node.counters.snapshot().get("frame_refused_outside_window", 0)
    again = await mac1.node.messages.send("mac2", "two")
    await mac1.wait(again.id, State.STORED)
    assert mac2.node.counters.snapshot().get("frame_refused_outside_window", 0) == refused


async def test_a_wall_clock_stepped_an_hour_back_while_running_changes_nothing(fleet: Machines) -> None:
    mac1, mac2 = await fleet.started("mac1", "mac2")
    before = mac1.node.clock.now()
    mac1.time.wall_shift -= 3_600
    sent = await mac1.node.messages.send("mac2", "hello", expires_in=60.0)
    await mac1.wait(sent.id, State.STORED)
    assert mac1.node.clock.now() >= before
    assert "frame_refused_outside_window" not in mac2.node.counters.snapshot()


async def test_a_wall_clock_stepped_back_while_the_node_was_down_opens_no_door_to_old_frames(fleet: Machines) -> None:
    mac1, mac2 = await fleet.started("mac1", "mac2")
    was = mac2.node.clock.now()
    await mac2.stop()
    mac2.time.wall_shift -= 3_600
    await mac2.start()
    assert mac2.node.clock.now() >= was
    sent = await mac1.node.messages.send("mac2", "hello")
    mac1.node.outbox_of("mac2").heard_again()
    await mac1.wait(sent.id, State.STORED)


def test_the_clock_of_a_node_follows_the_monotonic_clock_alone() -> None:
    wall, monotonic = [1_000.0], [50.0]
    clock = NodeClock.start(Clocks(lambda: wall[0], lambda: monotonic[0]), 0.0)
    wall[0], monotonic[0] = 10.0, 55.0
    assert (clock.now(), clock.wall(), clock.monotonic()) == (1_005.0, 10.0, 55.0)


def test_the_monotonic_clock_of_a_node_counts_the_time_that_the_machine_sleeps() -> None:
    assert continuous() >= time.clock_gettime(time.CLOCK_MONOTONIC) - 1
    assert continuous() <= continuous()
