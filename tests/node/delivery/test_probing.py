"""Channels are tried in the background: those that failed until they work, quick ones that nobody tried once."""

import itertools
import time
from dataclasses import replace

import pytest

from multifleet.channels.memory import MemoryChannel, Network
from multifleet.core.channel_state import PROBE_CAP, PROBE_FIRST, ChannelState
from multifleet.core.receipts import State
from multifleet.node.clock import Clocks
from multifleet.node.delivery import probing
from tests.node.fleet import Machine, Machines, until


@pytest.fixture(autouse=True)
def only_when_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tests say when a node looks."""
    monkeypatch.setattr(probing, "EVERY", 3600.0)


async def test_a_quick_channel_that_was_never_tried_is_tried_once(fleet: Machines) -> None:
    mac1, _ = await fleet.started("mac1", "mac2")
    mac1.node.probing.look()
    await until(lambda: mac1.node.health_of_channels.of("mac2"))
    assert mac1.node.health_of_channels.of("mac2")["memory"].state is ChannelState.HEALTHY


async def test_a_broken_channel_is_healthy_again_without_a_message(fleet: Machines) -> None:
    mac1, _ = await fleet.started("mac1", "mac2")
    sent = await mac1.node.messages.send("mac2", "first")
    await mac1.wait(sent.id, State.STORED)
    fleet.network.severed.add("mac2")
    for _ in range(3):
        await mac1.node.attempts.check(mac1.node.members.need("mac2"), "memory")
    assert mac1.node.health_of_channels.of("mac2")["memory"].state is ChannelState.BROKEN
    fleet.network.severed.clear()
    mac1.node.probing.look()
    assert mac1.node.health_of_channels.of("mac2")["memory"].state is ChannelState.BROKEN, "it is not its time yet"
    mac1.time.pass_(20)
    mac1.node.probing.look()
    await until(lambda: mac1.node.health_of_channels.of("mac2")["memory"].state is ChannelState.HEALTHY)


async def test_one_failure_is_enough_for_a_probe_though_no_message_takes_that_way_any_more(fleet: Machines) -> None:
    mac1, _ = await fleet.started("mac1", "mac2")
    fleet.network.severed.add("mac2")
    await mac1.node.attempts.check(mac1.node.members.need("mac2"), "memory")
    fleet.network.severed.clear()
    assert mac1.node.health_of_channels.of("mac2")["memory"].state is ChannelState.DEGRADED
    mac1.time.pass_(5)
    mac1.node.probing.look()
    await until(lambda: mac1.node.health_of_channels.of("mac2")["memory"].state is ChannelState.HEALTHY)


class Http(MemoryChannel):
    """A second way."""

    name = "http"


def stands_still(machine: Machine) -> None:
    """Time passes there only where a test says so."""
    wall, monotonic, time_there = time.time(), time.monotonic(), machine.time
    clocks = Clocks(lambda: wall + time_there.wall_shift, lambda: monotonic + time_there.monotonic_shift)
    time_there.clocks = lambda: clocks  # type: ignore[method-assign]


async def test_when_one_way_to_a_peer_is_back_the_others_that_failed_are_tried_at_once_and_in_the_seconds_after(
    fleet: Machines,
) -> None:
    mac1, mac2 = fleet.add("mac1", "mac2")
    other = Network(fleet.network.nodes, severed={"mac2"})
    mac1.more_channels = [Http(other)]
    await mac2.start()
    stands_still(mac1)
    await mac1.start()  # to whom nothing has failed yet
    node, peer = mac1.node, mac1.node.members.need("mac2")

    fleet.network.severed.add("mac2")
    for _ in range(6):
        await node.attempts.check(peer, "http")
    await node.attempts.check(peer, "memory")
    node.probing.look()
    assert not node.probing.running, "it is not its time yet"
    fleet.network.severed.clear()
    await node.attempts.check(peer, "memory")
    probed = []
    for _ in range(50):
        before = node.health_of_channels.of("mac2")["http"].failures
        node.probing.look()
        await until(lambda: not node.probing.running)
        if node.health_of_channels.of("mac2")["http"].failures > before:
            probed.append(node.clock.monotonic())
        mac1.time.pass_(1)
    waits = [(later - sooner) // PROBE_FIRST for sooner, later in itertools.pairwise(probed)]
    assert waits == [1, 1, 2, PROBE_CAP // PROBE_FIRST]
    await node.attempts.check(peer, "memory")
    node.probing._probed["mac2", "http"] = node.clock.monotonic()
    node.probing.look()
    assert not node.probing.running, "a way that never failed says nothing new"
    other.severed.clear()
    node.probing._probed.clear()
    node.probing.look()
    await until(lambda: node.health_of_channels.of("mac2")["http"].state is ChannelState.HEALTHY)


async def test_a_peer_that_is_not_heard_is_probed_once_a_minute(
    fleet: Machines, monkeypatch: pytest.MonkeyPatch
) -> None:
    mac1, mac2 = await fleet.started("mac1", "mac2")
    await mac2.stop()
    for _ in range(3):
        await mac1.node.attempts.check(mac1.node.members.need("mac2"), "memory")
    unheard = replace(mac1.node.targets, is_there=lambda node: False)
    looking = probing.Probing(unheard, mac1.node.attempts, mac1.node.health_of_channels, mac1.node.clock)
    probed: list[float] = []
    for second in range(0, 300, 5):
        before = mac1.node.health_of_channels.of("mac2")["memory"].failures
        looking.look()
        await until(lambda: not looking.running)
        if mac1.node.health_of_channels.of("mac2")["memory"].failures > before:
            probed.append(second)
        mac1.time.pass_(5)
    assert len(probed) == 5
    assert all(later - sooner >= 60 for sooner, later in itertools.pairwise(probed))
