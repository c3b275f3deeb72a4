"""Each sender has a share of the queue of its own, and nothing stays there of who is no member any more."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from multifleet.channels import nats, nats_config
from multifleet.channels.base import ChannelError, Success
from multifleet.channels.nats_jetstream import api
from tests.channels.nats_fleet import Fleet, Node
from tests.channels.test_nats_strangers import FLEET, _as_mac3


@pytest.fixture
async def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Node]:
    """mac1, the chief; mac2 is away, and mac3 is a member that means ill. Shares are small."""
    monkeypatch.setattr(nats_config, "SHARE_BYTES", 1 << 20)
    monkeypatch.setattr(nats, "PROVED_SECONDS", 0.1)
    monkeypatch.setattr(nats, "TIDY_SECONDS", 0.1)
    fleet = Fleet(tmp_path, members=["mac1", "mac2", "mac3"])
    async with fleet.node("mac1") as first:
        await first.connected()
        yield first


async def streams(node: Node) -> dict[str, int]:
    """What waits on the server: how many messages in which stream."""
    wire = node.channel._wire
    assert wire is not None
    listed = (await api(wire, "STREAM.LIST", {"offset": 0}))["streams"] or []
    return {one["config"]["name"].removeprefix(f"MF_{FLEET}_"): one["state"]["messages"] for one in listed}


async def until_streams_are(node: Node, wanted: dict[str, int]) -> None:
    """Wait for that."""
    async with asyncio.timeout(20):
        while await streams(node) != wanted:  # noqa: ASYNC110
            await asyncio.sleep(0.02)


async def test_junk_of_one_member_takes_no_place_from_the_others(host: Node) -> None:
    evil = await _as_mac3(host)
    answers = [(await evil.request(f"mf.{FLEET}.q.mac2.mac3", bytes(100_000), timeout=20)).data for _ in range(12)]
    assert b"maximum bytes exceeded" in answers[-1]
    honest = b"mf1 honest" + bytes(100_000)
    assert (await host.send("mac2", honest)).success is Success.PARKED
    async with host.fleet.node("mac2") as second:
        async with asyncio.timeout(20):
            while (honest, True) not in second.got:
                second.arrived.clear()
                await second.arrived.wait()
    await evil.close()


async def test_where_a_share_is_full_that_is_said_and_it_is_known_not_to_lie_there(host: Node) -> None:
    for number in range(3):
        await host.send("mac2", b"mf1 " + bytes(300_000), (f"{number:032x}",))
    with pytest.raises(ChannelError, match="no room in this machine's share of the queue") as failed:
        await host.send("mac2", b"mf1 " + bytes(300_000), ("f" * 32,))
    assert not failed.value.unknown
    assert (await host.send("mac3", b"mf1 small", ("e" * 32,))).success is Success.PARKED


async def test_what_waits_for_or_came_from_a_member_is_gone_when_it_is_no_member_any_more(host: Node) -> None:
    evil = await _as_mac3(host)
    await evil.request(f"mf.{FLEET}.q.mac2.mac3", b"mf1 of mac3", timeout=20)
    await host.send("mac2", b"mf1 for mac2")
    await host.send("mac3", b"mf1 for mac3", ("1" * 32,))
    assert await streams(host) == {"mac1": 2, "mac2": 0, "mac3": 1}
    host.fleet.members.remove("mac3")
    await until_streams_are(host, {"mac1": 1, "mac2": 0})


async def test_what_a_member_lays_there_that_left_and_joined_anew_is_given_out(host: Node) -> None:
    for text in (b"mf1 before", b"mf1 after"):
        await host.channel._host.told("mac3")
        theirs = await _as_mac3(host)
        await theirs.request(f"mf.{FLEET}.q.mac2.mac3", text, timeout=20)
        await theirs.close()
        wire = host.channel._wire
        assert wire is not None
        async with asyncio.timeout(20):
            while (await api(wire, f"CONSUMER.NAMES.MF_{FLEET}_mac3"))["consumers"] != ["mac2"]:  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        if text == b"mf1 before":
            host.fleet.members.remove("mac3")
            await until_streams_are(host, {"mac1": 0, "mac2": 0})
            host.fleet.members.append("mac3")
            await until_streams_are(host, {"mac1": 0, "mac2": 0, "mac3": 0})
    async with host.fleet.node("mac2") as second:
        await second.has(1)
        assert second.got == [(b"mf1 after", True)]


async def test_a_consumer_goes_when_nothing_waits_any_more(host: Node) -> None:
    await host.send("mac2", b"mf1 for mac2")
    wire = host.channel._wire
    assert wire is not None
    names = f"CONSUMER.NAMES.MF_{FLEET}_mac1"
    async with asyncio.timeout(20):
        while (await api(wire, names))["consumers"] != ["mac2"]:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
        async with host.fleet.node("mac2") as second:
            await second.has(1)
            while (await api(wire, names))["consumers"]:  # noqa: ASYNC110
                await asyncio.sleep(0.02)
    assert host.channel._queue is not None
    await host.channel._queue.put("mac2", b"mf1 more", ("1" * 32,), 2)
    async with host.fleet.node("mac2") as second:
        await second.has(1)


async def test_subjects_that_somebody_makes_up_keep_nothing_from_working(host: Node) -> None:
    evil = await _as_mac3(host)
    made_up = ["x" * 800, "*", ">", "mac2.mac2", "$JS", *(f"nobody-{number}" for number in range(40))]
    for name in made_up:
        await evil.publish(f"mf.{FLEET}.q.{name}.mac3", b"junk")
    await evil.flush()
    await until_streams_are(host, {"mac1": 0, "mac2": 0, "mac3": 0})
    assert host.counted["nats_connected"] == 1
    assert (await host.send("mac2", b"mf1 honest")).success is Success.PARKED
    await evil.close()


async def test_on_a_server_of_the_users_own_each_has_its_share_too_and_the_chief_removes_who_is_gone(
    host: Node, tmp_path: Path
) -> None:
    process = host.channel._host.process
    assert process is not None
    secret = (host.home / "nats" / "secret").read_bytes()
    login = nats_config.password(secret, "mac1", "")
    url = f"nats://mac1:{login}@127.0.0.1:{process.port}"
    fleet = Fleet(tmp_path / "own", members=["mac1", "mac2", "mac3"])
    fleet.folder.mkdir()
    async with fleet.node("mac1", natsUrl=url) as first:
        await first.connected()
        assert first.channel._host.process is None
        assert (await first.send("mac3", b"mf1 for mac3")).success is Success.PARKED
        await until_streams_are(first, {"mac1": 1, "mac2": 0, "mac3": 0})
        fleet.members.remove("mac3")
        await until_streams_are(first, {"mac1": 0, "mac2": 0})
