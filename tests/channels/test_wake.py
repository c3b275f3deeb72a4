"""Waking a machine: by whom, how often, and what is claimed of it."""

import asyncio
import errno
from contextlib import AsyncExitStack
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path
from typing import Any

import msgspec
import pytest

from multifleet.channels import wake
from multifleet.channels.base import ChannelError, Parcel, Success, Target
from multifleet.channels.segments import Segment
from multifleet.channels.wake import WakeChannel
from multifleet.config import NodeEntry
from multifleet.core.packets import BadPacket, read
from multifleet.core.wake_packets import WakeAsk, WakeTold
from tests.channels.here import here

CARD = "02:00:00:00:00:11"
SEGMENT = Segment(IPv4Address("192.0.2.10"), IPv4Network("192.0.2.0/24"))


class World:
    """This node, its peers, its segments, and the packets on them."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.near = True
        self.sent: list[str] = []
        self.asked: list[tuple[str, WakeAsk]] = []
        self.told: dict[str, WakeTold] = {}
        self.targets = [Target("mac2", ("192.0.2.11:8855",), NodeEntry(mac_address=CARD))]
        self.now = 100.0
        self.wakes_on_packet = False
        self.served: dict[type, Any] = {}
        self.loops: dict[str, Any] = {}
        self.met: dict[str, tuple[str, ...]] = {}
        monkeypatch.setattr(wake, "segments", lambda: [SEGMENT] if self.near else [])
        monkeypatch.setattr(wake, "send_magic", self.send)
        monkeypatch.setattr(wake, "LOOK_EVERY", 0.001)

    async def send(self, segment: Segment, mac: bytes, count: int) -> None:
        self.sent += [mac.hex(":")] * count
        if self.wakes_on_packet:
            self.targets[0] = msgspec_replace(self.targets[0])

    async def ask(self, node: str, question: msgspec.Struct, seconds: float) -> msgspec.Struct:
        assert isinstance(question, WakeAsk)
        self.asked.append((node, question))
        if node not in self.told:
            raise ChannelError("not there")
        told = self.told[node]
        return WakeTold(near=True, mac=CARD, sent=3) if question.send and told.near else told

    async def channel(self, home: Path) -> WakeChannel:
        made = WakeChannel()
        made_here = here(
            home,
            ask=self.ask,
            targets=lambda: self.targets,
            monotonic=self.clock,
            serve=self.served.__setitem__,
            spawn=self.loops.__setitem__,
            met_at=lambda node: self.met.get(node, ()),
        )
        await made.start(AsyncExitStack(), made_here)
        return made

    def clock(self) -> float:
        self.now += 1.0
        return self.now


def msgspec_replace(target: Target) -> Target:
    """The same, heard."""
    return Target(target.node, target.addresses, target.configured, target.key, is_there=True)


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    return World(monkeypatch)


async def test_a_sleeper_beside_this_machine_gets_three_packets_and_is_heard(world: World, tmp_path: Path) -> None:
    world.wakes_on_packet = True
    channel = await world.channel(tmp_path)
    carried = await channel.deliver(world.targets[0], Parcel(b"mf1"))
    assert world.sent == [CARD] * 3
    assert carried.success is Success.NUDGED
    assert carried.where == f"it is awake: 3 magic packets for {CARD} from mac1"


async def test_one_that_is_not_heard_is_not_called_woken_and_gets_no_more_packets(world: World, tmp_path: Path) -> None:
    channel = await world.channel(tmp_path)
    for _ in range(2):
        with pytest.raises(ChannelError, match="not heard in"):
            await channel.deliver(world.targets[0], Parcel(b"mf1"))
    assert len(world.sent) == 3


async def test_frames_that_need_the_same_machine_wake_it_once(world: World, tmp_path: Path) -> None:
    channel = await world.channel(tmp_path)
    tries = [channel.deliver(world.targets[0], Parcel(b"mf1")) for _ in range(3)]
    found = await asyncio.gather(*tries, return_exceptions=True)
    assert [type(one) for one in found] == [ChannelError] * 3 and len(world.sent) == 3


async def test_a_member_on_the_sleepers_segment_is_asked_and_no_other_sends(world: World, tmp_path: Path) -> None:
    world.near = False
    world.targets += [Target(name, is_there=True) for name in ("mac3", "mac4", "mac5")] + [Target("mac6")]
    world.told = {"mac3": WakeTold(near=False), "mac4": WakeTold(near=True), "mac5": WakeTold(near=True)}
    channel = await world.channel(tmp_path)
    woken = await channel.wake(world.targets[0])
    assert (woken.by, woken.sent) == ("mac4", 3) and not world.sent
    assert [node for node, ask in world.asked if ask.send] == ["mac4"]
    assert {node for node, _ in world.asked} == {"mac3", "mac4", "mac5"}, "who is not there is not asked"


async def test_where_nobody_is_near_the_reason_is_told(world: World, tmp_path: Path) -> None:
    world.near = False
    channel = await world.channel(tmp_path)
    with pytest.raises(ChannelError, match="no other member is there to ask"):
        await channel.wake(world.targets[0])


async def test_a_member_sends_for_another_and_not_again_and_again(world: World, tmp_path: Path) -> None:
    await world.channel(tmp_path)
    asked = world.served[WakeAsk]
    who = await asked("mac3", WakeAsk(node="mac2"))
    assert who.near and not who.sent and not world.sent
    first = await asked("mac3", WakeAsk(node="mac2", send=True))
    again = [await asked("mac4", WakeAsk(node="mac2", send=True)) for _ in range(3)]
    assert (first.sent, [told.sent for told in again], len(world.sent)) == (3, [3, 0, 0], 6)
    assert "just now" in again[-1].reason


async def test_a_member_wakes_no_stranger(world: World, tmp_path: Path) -> None:
    await world.channel(tmp_path)
    told = await world.served[WakeAsk]("mac3", WakeAsk(node="mac9", send=True))
    assert not told.near and not world.sent


async def test_a_member_whose_card_this_machine_does_not_know_is_not_woken_for_a_peer(
    world: World, tmp_path: Path
) -> None:
    world.targets = [Target("mac2", ("192.0.2.11:8855",))]
    await world.channel(tmp_path)
    told = await world.served[WakeAsk]("mac3", WakeAsk(node="mac2", send=True))
    assert (told.near, told.sent, told.reason) == (False, 0, "its card is not known here") and not world.sent


def test_a_peer_names_no_card_and_no_address_to_which_packets_would_go() -> None:
    for more in ({"mac": "02:00:00:00:00:99"}, {"hosts": ["192.0.2.50"]}):
        with pytest.raises(BadPacket):
            read(msgspec.json.encode({"type": "wake", "node": "mac2", "send": True} | more), WakeAsk)


async def test_the_card_of_a_machine_that_a_members_card_only_claims_is_not_learned_as_its(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wake, "CARDS_FIRST", 0.0)
    monkeypatch.setattr(wake, "cards_seen", lambda: {"192.0.2.50": b"victim", "192.0.2.12": b"\x02\0\0\0\0\x12"})
    world.targets = [
        Target("mac2", ("192.0.2.50:8855",), is_there=True),
        Target("mac3", ("192.0.2.12:8855",), is_there=True),
    ]
    world.met = {"mac3": ("192.0.2.12:8855",)}
    channel = await world.channel(tmp_path)
    async with asyncio.timeout(5), asyncio.TaskGroup() as group:
        loop = group.create_task(world.loops["cards"]())
        while channel._cards.of("mac3") is None:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        loop.cancel()
    assert channel._cards.of("mac2") is None


async def test_what_is_awake_or_unknown_is_left_out_with_the_reason(world: World, tmp_path: Path) -> None:
    channel = await world.channel(tmp_path)
    assert channel.reaches(world.targets[0]) == ""
    assert channel.reaches(msgspec_replace(world.targets[0])) == "it is awake"
    assert "nodes.mac9.mac_address" in channel.reaches(Target("mac9"))


async def test_one_member_that_asks_for_ever_has_a_sleeper_woken_a_few_times_an_hour_and_another_one_can(
    world: World, tmp_path: Path
) -> None:
    await world.channel(tmp_path)
    asked, told = world.served[WakeAsk], []
    for _ in range(3600 // 15):
        told.append(await asked("mac3", WakeAsk(node="mac2", send=True)))
        world.now += 14.0
    assert 4 <= sum(bool(one.sent) for one in told) <= 8
    assert "for mac3 a few times" in told[-1].reason
    assert (await asked("mac4", WakeAsk(node="mac2", send=True))).sent == 3


async def test_where_nobody_could_send_a_packet_it_is_tried_again_soon(world: World, tmp_path: Path) -> None:
    world.near = False
    channel = await world.channel(tmp_path)
    for _ in range(2):
        with pytest.raises(ChannelError, match="no other member is there to ask"):
            await channel.deliver(world.targets[0], Parcel(b"mf1"))
    world.near, world.wakes_on_packet = True, True
    world.now += wake.AGAIN_SOON
    assert (await channel.deliver(world.targets[0], Parcel(b"mf1"))).success is Success.NUDGED


async def test_a_waking_that_was_broken_off_stands_in_nobodys_way(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sending = asyncio.Event()

    async def hangs(segment: Segment, mac: bytes, count: int) -> None:
        sending.set()
        await asyncio.Event().wait()

    channel = await world.channel(tmp_path)
    with monkeypatch.context() as patched:
        patched.setattr(wake, "send_magic", hangs)
        first = asyncio.create_task(channel.deliver(world.targets[0], Parcel(b"mf1")))
        await sending.wait()
        first.cancel()
        await asyncio.wait([first])
    world.now += wake.AGAIN_SOON
    world.wakes_on_packet = True
    assert (await channel.deliver(world.targets[0], Parcel(b"mf1"))).success is Success.NUDGED


async def test_packets_that_could_not_be_sent_do_not_count(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def unreachable(segment: Segment, mac: bytes, count: int) -> None:
        raise OSError(errno.ENETUNREACH, "Network is unreachable")

    await world.channel(tmp_path)
    asked = world.served[WakeAsk]
    with monkeypatch.context() as patched:
        patched.setattr(wake, "send_magic", unreachable)
        told = [await asked("mac3", WakeAsk(node="mac2", send=True)) for _ in range(6)]
    assert ["Network is unreachable" in one.reason for one in told] == [True] * 6
    assert (await asked("mac3", WakeAsk(node="mac2", send=True))).sent == 3
