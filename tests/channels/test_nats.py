"""NATS with the chief's own server: answers, absent peers, the queue, a chief that changes, servers that die."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import pytest

from multifleet.channels.base import ChannelError, Success
from multifleet.channels.nats_host import NatsHost
from tests.channels.here import here
from tests.channels.nats_fleet import Fleet, Node
from tests.node.fleet import until
from tests.starved import starved


class Watch:
    """How long something takes, without what this process, or the server, was kept from a processor meanwhile."""

    def __init__(self, *nodes: Node) -> None:
        servers = [node.channel._host.process for node in nodes]
        self._pids = (os.getpid(), *(server.pid for server in servers if server is not None))
        self._began, self._before = asyncio.get_running_loop().time(), self._starved()

    @property
    def seconds(self) -> float:
        """Since it was made."""
        return self.all_seconds - (self._starved() - self._before)

    @property
    def all_seconds(self) -> float:
        """The same with it."""
        return asyncio.get_running_loop().time() - self._began

    def _starved(self) -> float:
        return sum(starved(pid) for pid in self._pids)


@pytest.fixture
def fleet(tmp_path: Path) -> Fleet:
    """Two members; mac1 is the chief."""
    return Fleet(tmp_path, members=["mac1", "mac2"])


@pytest.fixture
async def pair(fleet: Fleet) -> AsyncIterator[tuple[Node, Node]]:
    """Both, connected."""
    async with fleet.node("mac1") as first, fleet.node("mac2") as second:
        await first.connected()
        await second.connected()
        yield first, second


async def test_each_reaches_the_other_through_the_chiefs_server_and_has_its_answer(pair: tuple[Node, Node]) -> None:
    for sender, recipient in (pair, pair[::-1]):
        carried = await sender.send(recipient.name, b"mf1 hello")
        assert carried.success is Success.ANSWERED
        assert carried.answer == f"mf1 answer of {recipient.name} to mf1 hello".encode()
        assert recipient.got == [(b"mf1 hello", False)]


async def test_a_frame_of_the_largest_size_goes_both_ways(pair: tuple[Node, Node]) -> None:
    large = b"mf1 " + bytes(2**20 - 4 - len(b"mf1 answer of mac2 to "))
    assert len((await pair[0].send("mac2", large)).answer) == 2**20


async def test_a_refusal_is_an_answer_as_well(pair: tuple[Node, Node]) -> None:
    pair[1].status = 507
    assert (await pair[0].send("mac2", b"mf1 hello")).success is Success.ANSWERED


@pytest.mark.beside_one
async def test_a_peer_that_is_away_is_known_at_once_and_its_frame_lies_in_the_queue_until_it_comes(
    fleet: Fleet,
) -> None:
    async with fleet.node("mac1") as first:
        await first.connected()
        watch = Watch(first)
        carried = await first.send("mac2", b"mf1 hello")
        assert watch.seconds < 0.5
        assert carried.success is Success.PARKED and "queue" in carried.where
        async with fleet.node("mac2") as second:
            await second.has(1)
            assert second.got == [(b"mf1 hello", True)]
        # It was acknowledged: another daemon of that node does not get it again.
        async with fleet.node("mac2") as second:
            await second.connected()
            await first.send("mac2", b"mf1 more", ("1" * 32,))
            await second.has(1)
            assert [frame for frame, _ in second.got] == [b"mf1 more"]


async def test_nothing_is_left_in_the_queue_of_a_fleet_that_this_node_has_left(
    fleet: Fleet, pair: tuple[Node, Node]
) -> None:
    mac1, mac2 = pair
    fleet.id = "e" * 32
    for node, other in (pair, pair[::-1]):
        with pytest.raises(ChannelError, match="has just come to another fleet"):
            await node.send(other.name, b"mf1 too soon")
    async with asyncio.timeout(20):
        while mac1.channel._fleet != fleet.id or mac2.channel._fleet != fleet.id:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    await mac1.connected()
    await mac2.connected()
    await mac2.send("mac1", b"mf1 now")
    assert [frame for frame, _ in mac1.got] == [b"mf1 now"]


async def test_who_is_heard_another_way_is_not_made_to_wait_for_its_queue(fleet: Fleet) -> None:
    async with fleet.node("mac1") as first:
        await first.connected()
        with pytest.raises(ChannelError, match="mac2 is not connected") as failed:
            await first.send("mac2", b"mf1 hello", is_there=True)
        assert not failed.value.unknown
        with pytest.raises(ChannelError, match="mac2 is not connected"):
            await first.send("mac2", b"mf1 is the way open?", ())


async def test_the_same_messages_sent_again_lie_there_once(fleet: Fleet) -> None:
    async with fleet.node("mac1") as first:
        await first.connected()
        for number in range(3):
            await first.send("mac2", f"mf1 {number}".encode(), ("a" * 32, "b" * 32))
        await first.send("mac2", b"mf1 last", ("c" * 32,))
        async with fleet.node("mac2") as second:
            await second.has(2)
            assert [frame for frame, _ in second.got] == [b"mf1 0", b"mf1 last"]


async def test_what_cannot_be_written_now_stays_in_the_queue_and_what_is_refused_does_not(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("multifleet.channels.nats_queue.AGAIN_SECONDS", 0.1)
    async with fleet.node("mac1") as first:
        await first.connected()
        await first.send("mac2", b"mf1 hello")
        async with fleet.node("mac2") as second:
            second.status = 507
            await second.times(2)
            second.status = 401
            await second.times(3)
            times = len(second.got)
            await asyncio.sleep(0.4)
            assert len(second.got) <= times + 1  # one may have been on its way
            assert second.counted["nats_queued_refused"] >= 1


async def test_no_server_is_started_for_a_node_alone(tmp_path: Path) -> None:
    fleet = Fleet(tmp_path, members=["mac1"])
    async with fleet.node("mac1") as first:
        await asyncio.sleep(0.4)
        assert first.channel._host.process is None
        assert "nobody else" in first.channel.reaches(first.fleet_target("mac2"))
        assert not (first.home / "nats").exists()


@pytest.mark.parametrize(("has_had_it", "looks"), [(False, 2), (True, 1)])
async def test_a_server_that_was_here_before_is_started_at_the_first_look(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, has_had_it: bool, looks: int
) -> None:
    if has_had_it:
        (tmp_path / "nats").mkdir()
        (tmp_path / "nats" / "server.conf").touch()
    host, looked, started = NatsHost(here(tmp_path), tick=0.0), [], asyncio.Event()

    def is_wanted() -> bool:
        looked.append(started.is_set())
        return True

    async def start() -> bool:
        started.set()
        return False

    monkeypatch.setattr(host, "is_wanted", is_wanted)
    monkeypatch.setattr(host, "_start", start)
    running = asyncio.create_task(host.run())
    await started.wait()
    running.cancel()
    assert looked.count(False) == looks


async def test_when_another_becomes_the_chief_the_old_server_stops_and_all_go_to_the_new_one(
    fleet: Fleet, pair: tuple[Node, Node]
) -> None:
    first, second = pair
    old, wires = first.channel._host.process, [node.channel._wire for node in pair]
    fleet.chief = "mac2"
    async with asyncio.timeout(15):
        while not second.channel._host.runs or old is None or old.runs:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
        while any(node.channel._wire is wire for node, wire in zip(pair, wires, strict=True)):  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    await first.connected()
    await second.connected()
    assert (await first.send("mac2", b"mf1 hello")).success is Success.ANSWERED


async def test_a_server_that_is_killed_is_started_again_and_all_come_back_within_ten_seconds(
    pair: tuple[Node, Node],
) -> None:
    first, second = pair
    process = first.channel._host.process
    assert process is not None
    async with asyncio.timeout(10):
        os.kill(process.pid, signal.SIGKILL)
        await second.channel._wire.closed.wait()  # type: ignore[union-attr]
        with pytest.raises(ChannelError):
            await second.send("mac1", b"mf1 lost")
        while first.channel._host.process in (None, process):  # noqa: ASYNC110
            await asyncio.sleep(0.02)
        await first.connected()
        await second.connected()
    assert (await second.send("mac1", b"mf1 hello")).success is Success.ANSWERED


@pytest.mark.beside_one
async def test_a_frozen_server_costs_three_seconds_and_is_found_out(
    pair: tuple[Node, Node], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("multifleet.channels.nats_wire.LIVE_SECONDS", 0.3)
    first, second = pair
    process = first.channel._host.process
    assert process is not None
    os.kill(process.pid, signal.SIGSTOP)
    try:
        watch = Watch()
        with pytest.raises(ChannelError) as failed:
            await second.send("mac1", b"mf1 hello")
        assert failed.value.unknown
        assert watch.seconds < 3.5 and watch.all_seconds > 2.5
        wire = second.channel._wire
        async with asyncio.timeout(30):
            while second.channel._wire is not None:  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        assert wire is not None and "does not answer" in wire.why
        watch = Watch()
        with pytest.raises(ChannelError):
            await second.send("mac1", b"mf1 hello")
        assert watch.seconds < 0.1
    finally:
        os.kill(process.pid, signal.SIGCONT)


async def test_what_was_in_the_queue_when_the_server_was_killed_is_still_there(fleet: Fleet) -> None:
    async with fleet.node("mac1") as first:
        await first.connected()
        for number in range(20):
            await first.send("mac2", f"mf1 {number}".encode(), (f"{number:032x}",))
        process = first.channel._host.process
        assert process is not None
        os.kill(process.pid, signal.SIGKILL)
        async with fleet.node("mac2") as second:
            await second.has(20)
            assert {frame for frame, _ in second.got} == {f"mf1 {number}".encode() for number in range(20)}


async def test_a_daemon_that_dies_before_it_has_written_gets_the_frame_again(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("multifleet.channels.nats_shares.ACK_SECONDS", 1)
    async with fleet.node("mac1") as first:
        await first.connected()
        await first.send("mac2", b"mf1 hello")
        async with fleet.node("mac2") as second:
            second.answers.clear()  # it holds the frame, and never gets to writing it
            await second.connected()
        async with fleet.node("mac2") as second:
            await second.has(1)
            assert second.got == [(b"mf1 hello", True)]


async def test_a_member_finds_back_by_what_the_chief_told_last(fleet: Fleet) -> None:
    async with fleet.node("mac1") as first:
        await first.connected()
        async with fleet.node("mac2") as second:
            await second.connected()
        fleet.silent.add("mac1")
        async with fleet.node("mac2") as second:
            await second.connected()
            assert (await first.send("mac2", b"mf1 hello")).success is Success.ANSWERED


async def test_mending_makes_the_connection_anew_and_leaves_a_sound_server_alone(pair: tuple[Node, Node]) -> None:
    first, second = pair
    process, wire = first.channel._host.process, second.channel._wire
    assert "connected anew" in await second.channel.mend(second.fleet_target("mac1"))
    assert second.channel._wire is not wire
    assert "connected anew" in await first.channel.mend(first.fleet_target("mac2"))
    assert first.channel._host.process is process
    assert (await second.send("mac1", b"mf1 hello")).success is Success.ANSWERED


async def test_a_node_that_stops_leaves_no_process_task_or_connection(fleet: Fleet) -> None:
    before = len(asyncio.all_tasks())
    async with fleet.node("mac1") as first, fleet.node("mac2") as second:
        await first.connected()
        await second.connected()
        process = first.channel._host.process
    assert process is not None and not process.runs
    with pytest.raises(ProcessLookupError):
        os.killpg(process.pid, 0)
    await until(lambda: len(asyncio.all_tasks()) <= before)


async def test_who_may_still_be_on_the_way_to_the_server_is_not_tried_before_it_was_seen_there(fleet: Fleet) -> None:
    async with fleet.node("mac1") as first:
        await first.connected()
        assert "may not have come" in first.channel.reaches(first.fleet_target("mac2"))
        async with fleet.node("mac2") as second:
            await second.connected()
            assert second.channel.reaches(second.fleet_target("mac1")) == "", "it is the chief's own server"
            await second.send("mac1", b"mf1 mac2 mac1 hello")
            assert first.channel.reaches(first.fleet_target("mac2")) == ""


async def test_its_files_are_for_this_user_alone(fleet: Fleet) -> None:
    async with fleet.node("mac1") as first:
        await first.connected()
        await first.send("mac2", b"mf1 hello")
        paths = [first.home / "nats", *(first.home / "nats").rglob("*")]
        assert any(path.name.endswith(".blk") for path in paths)
        modes = {}
        for path in paths:
            with suppress(FileNotFoundError):  # the server writes aside and renames, meanwhile too
                modes[path] = path.stat().st_mode
        assert modes and [path for path, mode in modes.items() if mode & 0o077] == []
