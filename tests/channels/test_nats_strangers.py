"""What somebody on the broker can learn and do who is no member, or is one and means ill: nothing."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from nats.aio.client import Client

from multifleet.channels.nats_config import password, permissions
from multifleet.channels.nats_servers import Server
from multifleet.channels.nats_wire import Wire, WireError
from tests.channels.nats_fleet import Fleet, Node

FLEET = "f" * 32


@pytest.fixture
async def pair(tmp_path: Path) -> AsyncIterator[tuple[Node, Node]]:
    """mac1, the chief, and mac2; mac3 is a member that means ill."""
    fleet = Fleet(tmp_path, members=["mac1", "mac2", "mac3"])
    async with fleet.node("mac1") as first, fleet.node("mac2") as second:
        await first.connected()
        await second.connected()
        yield first, second


async def _come_in(host: Node, **login: str) -> Client:
    process = host.channel._host.process
    assert process is not None
    client = Client()
    client.faults = []

    async def fault(error: Exception) -> None:
        client.faults.append(str(error))

    await client.connect(
        [f"nats://127.0.0.1:{process.port}"],
        allow_reconnect=False,
        max_reconnect_attempts=1,
        connect_timeout=20,
        error_cb=fault,
        inbox_prefix="_INBOX.mac3",
        **login,
    )
    return client


async def _as_mac3(host: Node) -> Client:
    secret = (host.home / "nats" / "secret").read_bytes()
    return await _come_in(host, user="mac3", password=password(secret, "mac3", host.fleet_target("mac3").key))


@pytest.mark.parametrize("login", [{}, {"user": "mac2", "password": "guessed"}, {"user": "nobody", "password": "x"}])
async def test_a_stranger_does_not_come_in(pair: tuple[Node, Node], login: dict[str, str]) -> None:
    process = pair[0].channel._host.process
    assert process is not None
    with pytest.raises(WireError, match="Authorization"):
        await Wire.open(Server(f"127.0.0.1:{process.port}", **login), "mac3")


async def test_a_member_hears_nothing_that_is_for_another(pair: tuple[Node, Node]) -> None:
    spy = await _as_mac3(pair[0])
    heard: list[str] = []

    async def hear(message: object) -> None:
        heard.append(message.subject)  # type: ignore[attr-defined]

    tried = [">", f"mf.{FLEET}.rq.mac2", f"mf.{FLEET}.rq.*", f"mf.{FLEET}.>", f"mf.{FLEET}.q.mac2.*", "_INBOX.mac2.>"]
    tried += [f"mf.{FLEET}.told.>", "_INBOX.>", "$JS.>", "$SYS.>", "_INBOX.*.*.*"]
    for subject in tried:
        await spy.subscribe(subject, cb=hear)
    await spy.flush()
    await pair[0].send("mac2", b"mf1 between us")
    await spy.flush()
    assert heard == []
    assert len([fault for fault in spy.faults if "permissions violation" in fault.lower()]) == len(tried)
    await spy.close()


async def test_a_member_can_neither_use_up_nor_end_nor_answer_what_is_anothers(pair: tuple[Node, Node]) -> None:
    evil = await _as_mac3(pair[0])
    stream = f"MF_{FLEET}_mac1"
    tried = [
        f"$JS.API.STREAM.DELETE.{stream}",
        f"$JS.API.STREAM.PURGE.{stream}",
        f"$JS.API.STREAM.MSG.GET.{stream}",
        f"$JS.API.STREAM.CREATE.{stream}",
        f"$JS.API.CONSUMER.CREATE.{stream}.mac3.mf.{FLEET}.q.mac3.mac1",
        f"$JS.API.CONSUMER.DELETE.{stream}.mac2",
        f"$JS.API.CONSUMER.MSG.NEXT.{stream}.mac2",
        f"$JS.ACK.{stream}.mac2.1.1.1.1.0",
        f"mf.{FLEET}.q.mac2.mac1",
        f"mf.{FLEET}.told.mac2.mac1",
        "_INBOX.mac1.anything",
        "$SYS.REQ.SERVER.PING",
    ]
    for subject in tried:
        await evil.publish(subject, b"{}", reply="_INBOX.mac3.x")
    async with asyncio.timeout(20):
        while len(evil.faults) < len(tried):  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    await evil.close()


async def test_nobody_is_made_to_speak_for_another_by_the_place_of_an_answer(pair: tuple[Node, Node]) -> None:
    host, victim = pair
    evil = await _as_mac3(host)
    for reply in (f"mf.{FLEET}.rq.mac1", f"$JS.API.STREAM.DELETE.MF_{FLEET}_mac1", ""):
        await evil.publish(f"mf.{FLEET}.rq.mac2", b"mf1 trap", reply=reply)
    await evil.flush()
    await host.send("mac2", b"mf1 honest")
    assert [frame for frame, _ in victim.got] == [b"mf1 honest"]
    assert victim.counted["nats_message_refused"] == 3
    await evil.close()


async def test_a_flood_of_a_member_leaves_honest_peers_served(pair: tuple[Node, Node]) -> None:
    host, _ = pair
    evil = await _as_mac3(host)
    for number in range(3_000):
        await evil.publish(f"mf.{FLEET}.rq.mac2", bytes(1_000), reply=f"_INBOX.mac3.{number}")
    async with asyncio.timeout(3):
        assert (await host.send("mac2", b"mf1 honest")).answer.endswith(b"honest")
    await evil.close()


async def test_who_is_put_out_is_cut_off_and_does_not_come_in_again(pair: tuple[Node, Node]) -> None:
    host, _ = pair
    evil = await _as_mac3(host)
    host.fleet.members.remove("mac3")
    async with asyncio.timeout(20):
        while not evil.is_closed:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    process = host.channel._host.process
    assert process is not None
    login = password((host.home / "nats" / "secret").read_bytes(), "mac3", host.fleet_target("mac3").key)
    with pytest.raises(WireError, match="Authorization"):
        await Wire.open(Server(f"127.0.0.1:{process.port}", user="mac3", password=login), "mac3")


def test_a_machine_of_the_same_name_with_another_key_has_another_password() -> None:
    assert password(b"s" * 32, "mac3", "aa") != password(b"s" * 32, "mac3", "bb")
    assert password(b"s" * 32, "mac3", "aa") == password(b"s" * 32, "mac3", "aa")


def test_only_the_host_may_make_streams() -> None:
    assert "$JS.API.>" in str(permissions(FLEET, "mac1", is_host=True))
    assert "$JS.API" not in str(permissions(FLEET, "mac2", is_host=False))
