"""Before a machine is woken it is asked whether it sleeps."""

import asyncio

import pytest

from multifleet.channels.base import ChannelError, Target
from multifleet.channels.wake import WakeChannel, Woken
from multifleet.config import ChannelSettings, NodeEntry
from multifleet.errors import BadInput, UnknownNode
from multifleet.node.waking import Waking
from tests.node.fleet import Machine, Machines

OFF = NodeEntry(channels=ChannelSettings(off=("wake",)))


class Sleeper:
    """What the parts around it say of mac2."""

    def __init__(self, machine: Machine) -> None:
        self.node = machine.node
        self.there = False
        self.woken: list[str] = []
        self.lets_in = False

    def waking(self, monkeypatch: pytest.MonkeyPatch) -> Waking:
        channel = WakeChannel()
        monkeypatch.setattr(channel, "wake", self.wake)
        monkeypatch.setitem(self.node.targets.channels, "wake", channel)  # type: ignore[arg-type]
        monkeypatch.setattr(type(self.node.targets), "is_there", lambda targets, name: self.there)
        monkeypatch.setattr(type(self.node.targets), "why_not", lambda targets, name, target: "")
        return Waking(
            self.node.members,
            self.node.targets,
            self.node.attempts,
            self.node.events,
            self.node.clock.monotonic,
            self.log_in,
        )

    async def log_in(self, target: Target) -> str:
        if not self.lets_in:
            raise ChannelError("connection refused")
        return "ada@192.0.2.2"

    async def wake(self, target: Target) -> Woken:
        self.woken.append(target.node)
        asyncio.get_running_loop().call_later(0.01, self.is_heard)
        return Woken("mac3", "02:00:00:00:00:11", 3)

    def is_heard(self) -> None:
        self.there = True
        self.node.events.happened("presence")


@pytest.fixture
async def sleeper(fleet: Machines) -> Sleeper:
    machine, _ = fleet.add("mac1", "mac2")
    await machine.start()
    return Sleeper(machine)


async def test_it_is_woken_when_neither_its_daemon_nor_its_ssh_answers(
    sleeper: Sleeper, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = await sleeper.waking(monkeypatch).wake("mac2", 5.0)
    assert found.awake and sleeper.woken == ["mac2"]
    assert [(step.step, step.ok) for step in found.steps] == [
        ("health", False),
        ("ssh", False),
        ("wake", True),
        ("wait", True),
    ]
    assert found.steps[2].words == "3 magic packets for 02:00:00:00:00:11 from mac3"


async def test_one_that_lets_this_machine_in_is_awake(sleeper: Sleeper, monkeypatch: pytest.MonkeyPatch) -> None:
    sleeper.lets_in = True
    found = await sleeper.waking(monkeypatch).wake("mac2", 5.0)
    assert found.awake and not sleeper.woken
    assert "lets ada@192.0.2.2 in" in found.steps[-1].words and "multifleet repair mac2" in found.steps[-1].words


async def test_this_machine_and_strangers_are_not_woken(sleeper: Sleeper, monkeypatch: pytest.MonkeyPatch) -> None:
    waking = sleeper.waking(monkeypatch)
    with pytest.raises(UnknownNode):
        await waking.wake("mac9", 1.0)
    with pytest.raises(BadInput, match="this machine"):
        await waking.wake("mac1", 1.0)


async def test_what_the_configuration_turns_off_stays_off(sleeper: Sleeper, monkeypatch: pytest.MonkeyPatch) -> None:
    waking = sleeper.waking(monkeypatch)
    monkeypatch.setattr(type(sleeper.node.targets), "of", lambda targets, member: Target("mac2", configured=OFF))
    found = await waking.wake("mac2", 1.0)
    assert not found.awake and not sleeper.woken
    assert "turned off" in found.steps[-1].words
