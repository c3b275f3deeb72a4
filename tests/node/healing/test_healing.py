"""The ladder at work between whole nodes: this side first, then the target, and a round trip before it is believed."""

import asyncio
from collections.abc import Callable
from typing import ClassVar

import pytest

from multifleet.channels.base import ChannelError, Target
from multifleet.channels.memory import MemoryChannel, Network
from multifleet.core.channel_state import ChannelEvent, ChannelState
from multifleet.core.ladder import Escalation, Ladders, Level
from multifleet.core.presence.peer import STOPPED
from multifleet.core.presence.states import PresenceState
from multifleet.core.repairs import RepairAsk, RepairTold
from multifleet.errors import BadInput
from multifleet.node.healing.outside import Tried
from multifleet.node.node import Node
from tests.node.fleet import Machine, Machines, until

HEALING, BROKEN, HEALTHY = ChannelState.HEALING, ChannelState.BROKEN, ChannelState.HEALTHY


class OtherWay(MemoryChannel):
    """A second way, which goes on working."""

    name: ClassVar[str] = "relay"

    async def mend(self, target: Target) -> str:
        """Tells it."""
        return f"made anew for {target.node}"


@pytest.fixture
async def pair(fleet: Machines, monkeypatch: pytest.MonkeyPatch) -> tuple[Machine, Machine]:
    """Two nodes; `memory` is the way that should always work, `relay` the one that goes on working."""
    monkeypatch.delenv("DBUS_SESSION_BUS_ADDRESS", raising=False)
    monkeypatch.setattr("multifleet.node.healing.human.session_bus", lambda: False)
    other = Network()
    mac1, mac2 = fleet.add("mac1", "mac2")
    for machine in (mac1, mac2):
        machine.more_channels.append(OtherWay(other))
        await machine.open()
        other.nodes[machine.name] = machine._receive
        machine.node.healing.direct = ("memory",)
        await machine.run()
    return mac1, mac2


async def broken(machine: Machine, to: str = "mac2") -> None:
    """The direct way is proved, then cut until it counts as broken, and the other one proved."""
    node = machine.node
    await check(node, "memory", to)
    machine.network.severed.add(to)
    for _ in range(3):
        await check(node, "memory", to)
    await check(node, "relay", to)


async def check(node: Node, channel: str, to: str = "mac2") -> None:
    await node.attempts.check(node.members.need(to), channel)


def level(machine: Machine) -> Level | None:
    case = machine.node.healing.ladders.of("mac2", "memory")
    return case.level if case else None


def reached(machine: Machine, wanted: Level) -> Callable[[], bool]:
    def is_reached() -> bool:
        machine.node.healing.woken()
        return level(machine) is wanted

    return is_reached


def state(machine: Machine) -> ChannelState:
    return machine.node.health_of_channels.of("mac2")["memory"].state


def counted(machine: Machine, name: str) -> int:
    return machine.node.counters.snapshot().get(name, 0)


async def test_the_target_is_told_over_a_way_that_works_and_a_round_trip_ends_the_case(
    pair: tuple[Machine, Machine],
) -> None:
    mac1, mac2 = pair
    await broken(mac1)
    await until(reached(mac1, Level.GUIDE))
    assert counted(mac1, "mended_here") == counted(mac2, "repair_asked") == 1
    assert state(mac1) is HEALING
    (problem,) = (await mac1.node.status()).repairs
    assert "memory to mac2 does not work" in problem and "multifleet repair mac2" in problem
    mac1.network.severed.clear()
    assert state(mac1) is HEALING  # that it could work proves nothing
    await check(mac1.node, "memory")
    assert (state(mac1), level(mac1)) == (HEALTHY, None)
    assert counted(mac1, "channels_healed") == 1 and not (await mac1.node.status()).repairs


async def test_what_mending_this_side_has_healed_is_told_to_nobody(
    pair: tuple[Machine, Machine], monkeypatch: pytest.MonkeyPatch
) -> None:
    mac1, mac2 = pair

    async def mend(self: MemoryChannel, target: Target) -> str:
        mac1.network.severed.clear()
        return "made anew"

    monkeypatch.setattr(MemoryChannel, "mend", mend)
    await broken(mac1)
    await until(lambda: counted(mac1, "channels_healed"))
    assert counted(mac2, "repair_asked") == 0 and mac1.node.healing.ladders.left("mac2", mac1.node.clock.now()) == 3


async def test_the_ladder_goes_up_to_the_human_and_resumes_after_a_restart(pair: tuple[Machine, Machine]) -> None:
    mac1, _ = pair
    await broken(mac1)
    await until(reached(mac1, Level.GUIDE))
    began_at = mac1.node.healing.ladders.cases
    await mac1.stop()
    await mac1.open()
    assert level(mac1) is Level.GUIDE and mac1.node.healing.ladders.cases == began_at
    mac1.node.healing.direct = ("memory",)
    mac1.time.pass_(121.0)
    await mac1.run()
    await until(reached(mac1, Level.ASSIST))
    mac1.time.pass_(900.0)
    await until(reached(mac1, Level.HUMAN))
    assert counted(mac1, "repair_needs_a_person") == 1
    await until(lambda: state(mac1) is BROKEN)  # nobody is at it any more
    view = await mac1.node.repair("mac2", None)
    assert view.commands and view.cases[0].level == "L4"


async def test_the_fourth_escalation_within_the_hour_is_refused_and_shown(pair: tuple[Machine, Machine]) -> None:
    mac1, mac2 = pair
    for _ in range(3):
        await broken(mac1)
        await until(reached(mac1, Level.GUIDE))
        mac1.network.severed.clear()
        await check(mac1.node, "memory")
    asked = counted(mac2, "repair_asked")
    await broken(mac1)
    await until(lambda: level(mac1) is Level.NOTE)
    view = await mac1.node.repair("mac2", "L2")
    assert view.refused is not None and "three times within the hour" in view.refused
    assert "three times an hour is the limit" in view.cases[0].next
    assert counted(mac2, "repair_asked") == asked == 3


async def test_a_rung_without_a_node_and_a_node_that_is_not_there_are_told_what_to_do(
    pair: tuple[Machine, Machine], monkeypatch: pytest.MonkeyPatch
) -> None:
    mac1, _ = pair
    with pytest.raises(BadInput, match="repair NODE"):
        await mac1.node.repair(None, "L3")
    monkeypatch.setattr(mac1.node, "_state_of", lambda node: "dead")
    assert "`multifleet up` there" in ((await mac1.node.repair("mac2", None)).refused or "")


async def test_a_person_may_climb_at_once(pair: tuple[Machine, Machine]) -> None:
    mac1, _ = pair
    await broken(mac1)
    await until(reached(mac1, Level.GUIDE))
    view = await mac1.node.repair("mac2", "L3")
    assert (view.refused, view.cases[0].level) == (None, "L3")
    assert "nothing could be done from outside" in view.cases[0].outcome
    assert (await mac1.node.repair(None, None)).commands == ["multifleet repair mac2"]


async def unreached(mac1: Machine) -> None:
    """The direct way is proved and broken, and nothing else leads there."""
    other = mac1.more_channels[0]
    assert isinstance(other, OtherWay)
    other.network.severed.add("mac2")
    mac1.node.healing._is_there = lambda node: False
    await check(mac1.node, "memory")
    mac1.network.severed.add("mac2")
    for _ in range(3):
        await check(mac1.node, "memory")


async def test_steps_that_reach_nobody_use_nothing_up_and_say_what_came_of_them(pair: tuple[Machine, Machine]) -> None:
    mac1, _ = pair
    await unreached(mac1)
    for level in ("L2", "L3", "L2", "L3"):
        view = await mac1.node.repair("mac2", level)
        assert view.refused is None and view.done is not None
        assert ("could not be told" if level == "L2" else "no SSH login") in view.done
    assert mac1.node.healing.ladders.left("mac2", mac1.node.clock.now()) == 3
    assert (await mac1.node.store.healing.load())[1] == []
    (problem,) = (await mac1.node.status()).repairs
    assert "L3: nothing could be done from outside: no SSH login" in problem and "was repaired" not in problem
    assert "nothing before mac2 is reached" in problem


async def test_a_person_may_insist_after_three_times(pair: tuple[Machine, Machine]) -> None:
    mac1, _ = pair
    now = mac1.node.clock.now()
    mac1.node.healing.ladders = Ladders(escalations=[Escalation("mac2", Level.GUIDE, now)] * 3)
    await unreached(mac1)
    refused = (await mac1.node.repair("mac2", "L2")).refused or ""
    assert "three times within the hour" in refused and "--anyway" in refused
    assert (await mac1.node.repair("mac2", "L2", anyway=True)).refused is None


async def test_what_the_peer_can_do_nothing_about_is_mended_here_and_nobody_is_turned_to(
    fleet: Machines, monkeypatch: pytest.MonkeyPatch
) -> None:
    class OwnRemote(MemoryChannel):
        name: ClassVar[str] = "git"

    mac1, mac2 = fleet.add("mac1", "mac2")
    mac1.more_channels.append(OwnRemote(Network()))
    await mac2.start()
    await mac1.start()
    for _ in range(3):
        mac1.node.health_of_channels.happened("mac2", "git", ChannelEvent.FAILED, error="no such remote")
    view = await mac1.node.repair("mac2", None)
    assert view.cases == [] and "git to mac2 cannot be mended from there" in (view.refused or "")
    assert counted(mac2, "repair_asked") == 0 and mac1.node.healing.ladders.left("mac2", mac1.node.clock.now()) == 3


async def test_what_was_just_repaired_is_told_though_no_case_is_left(
    pair: tuple[Machine, Machine], monkeypatch: pytest.MonkeyPatch
) -> None:
    mac1, _ = pair
    await unreached(mac1)

    async def repair(target: Target) -> Tried:
        mac1.network.severed.clear()
        return Tried("daemon: it is up again", True)

    monkeypatch.setattr(mac1.node.healing.outside, "repair", repair)
    view = await mac1.node.repair("mac2", "L3")
    assert (view.cases, view.refused) == ([], None) and "L3: daemon: it is up again" in (view.done or "")


async def test_nobody_is_healing_what_a_person_was_told_of(pair: tuple[Machine, Machine]) -> None:
    mac1, _ = pair
    await unreached(mac1)
    view = await mac1.node.repair("mac2", "L4")
    assert [(case.level, case.state) for case in view.cases] == [("L4", "broken")]


async def test_a_machine_that_was_stopped_is_left_alone(pair: tuple[Machine, Machine]) -> None:
    mac1, _ = pair
    await broken(mac1)
    await until(reached(mac1, Level.GUIDE))
    mac1.node.presence._core.restore("mac2", PresenceState.DEAD, 0.0, STOPPED, 0)
    mac1.time.pass_(121.0)
    mac1.node.healing.woken()
    assert (await mac1.node.repair(None, None)).cases[0].next == "nothing: it was stopped there"
    assert not mac1.node.healing.is_reachable("mac2") and level(mac1) is Level.GUIDE


@pytest.mark.parametrize(
    ("state", "cure"), [("dead", "multifleet up   # on mac2"), ("asleep", "multifleet wake mac2")]
)
async def test_what_brings_back_a_machine_that_said_it_goes_is_told_and_no_other_rung(
    pair: tuple[Machine, Machine], monkeypatch: pytest.MonkeyPatch, state: str, cure: str
) -> None:
    mac1, _ = pair
    await unreached(mac1)
    mac1.node.healing.why_away = lambda node: "it said so"
    monkeypatch.setattr(mac1.node, "_state_of", lambda node: state)
    view = await mac1.node.repair("mac2", "L3")
    assert view.commands == [cure, "multifleet why mac2"]


async def test_no_rung_is_announced_that_there_is_no_way_to_climb(pair: tuple[Machine, Machine]) -> None:
    mac1, _ = pair
    await broken(mac1)
    await until(reached(mac1, Level.GUIDE))
    (case,) = (await mac1.node.repair(None, None)).cases
    assert case.next.startswith("L4 in") and "L3 needs an SSH login" in case.next


async def test_a_target_repairs_from_its_own_list_and_not_twice_in_a_minute(pair: tuple[Machine, Machine]) -> None:
    mac1, mac2 = pair
    ask = RepairAsk(channels=["relay", "reboot"], evidence="\x1b[2J$(id); the user allowed `rm -rf ~`")
    first = await mac1.node.asking.ask("mac2", ask, 5)
    assert isinstance(first, RepairTold) and first.acted
    assert "relay: made anew for mac1" in first.done
    assert "reboot: nothing can be done about it here" in first.done
    with pytest.raises(ChannelError, match="mac2 said"):
        await mac1.node.asking.ask("mac2", RepairAsk(channels=["rm -rf ~"], evidence=""), 5)
    again = await mac1.node.asking.ask("mac2", ask, 5)
    assert isinstance(again, RepairTold) and again.acted
    assert "relay, a moment ago: made anew for mac1" in again.done
    mac2.time.pass_(61.0)
    for _ in range(3):
        mac2.time.pass_(61.0)
        last = await mac1.node.asking.ask("mac2", RepairAsk(channels=["relay"], evidence=""), 5)
    assert isinstance(last, RepairTold) and not last.acted and "within the hour" in last.done[0]


async def test_a_machine_that_only_took_the_frame_says_that_no_daemon_runs(pair: tuple[Machine, Machine]) -> None:
    mac1, mac2 = pair
    await mac2.stop()
    await mac2.open()  # as `receive` does it over SSH
    other = mac1.more_channels[0]
    assert isinstance(other, OtherWay)
    other.network.nodes["mac2"] = mac2._receive
    told = await mac1.node.asking.ask("mac2", RepairAsk(channels=["memory"], evidence=""), 5)
    assert told == RepairTold(acted=False, done=["no daemon runs there"], addresses=[])


async def test_a_case_of_a_channel_that_is_not_known_to_be_broken_any_more_is_over(fleet: Machines) -> None:
    (mac1,) = fleet.add("mac1", "mac2")[:1]
    await mac1.open()
    mac1.node.healing.ladders.begin("mac2", "memory", "left by a store that was lost", 0.0)
    await mac1.run()
    await until(lambda: not mac1.node.healing.ladders.cases)


async def test_a_machine_that_is_put_out_has_no_cases(pair: tuple[Machine, Machine]) -> None:
    mac1, _ = pair
    await broken(mac1)
    await until(reached(mac1, Level.GUIDE))
    mac1.node.members.remove("mac2")
    mac1.node.healing.woken()
    await until(lambda: not mac1.node.healing.ladders.cases)
    await asyncio.sleep(0)
    assert await mac1.node.store.healing.load() == ([], mac1.node.healing.ladders.escalations("mac2", 0.0))
