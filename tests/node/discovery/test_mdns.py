"""Nodes find each other by multicast on one machine, and nothing that anybody shouts does more than give a hint."""

import asyncio
import os
from uuid import uuid4

import pytest

from multifleet.core.sightings import ADDRESSES_LIMIT, fleet_tag
from multifleet.node.counters import Counters
from multifleet.node.discovery import mdns as module
from multifleet.node.discovery.announcement import SERVICE, Announced, announced, name_of
from multifleet.node.discovery.guard import BURST, DATAGRAM_LIMIT
from multifleet.node.discovery.mdns import Mdns
from tests.node.discovery.heard import Ears, listening, shouting, soon, thrown

TAG = "0123456789abcdef"
GOOD = {b"v": b"1", b"node": b"mac2", b"fleet": TAG.encode()}


@pytest.fixture
def fleet() -> str:
    """Other tests may be at it on this machine at the same time."""
    return uuid4().hex


async def test_two_nodes_of_one_fleet_hear_each_other_and_a_goodbye(fleet: str) -> None:
    one, other = Ears("mac1", fleet, ["192.0.2.1:8855"]), Ears("mac2", fleet, ["192.0.2.2:9", "[2001:db8::2]:9"])
    async with listening(one):
        async with listening(other):
            await soon(lambda: one.hears("mac2") and other.hears("mac1"))
            assert set(one.hears("mac2") or ()) == {"192.0.2.2:9", "[2001:db8::2]:9"}
            assert other.hears("mac1") == ("192.0.2.1:8855",)
        await soon(lambda: one.hears("mac2") is None)
        assert "mac1" not in one.heard, "nobody hears himself"


async def test_another_fleet_is_not_heard_and_a_node_that_changes_fleets_is(fleet: str) -> None:
    one, other = Ears("mac1", fleet, ["192.0.2.1:1"]), Ears("mac1", uuid4().hex, ["192.0.2.2:1"])
    third = Ears("mac3", fleet, ["192.0.2.3:1"])
    async with listening(one, other, third):
        await soon(lambda: one.hears("mac3") and third.hears("mac1") == ("192.0.2.1:1",))
        assert other.heard == {}
        other.node, other.fleet = "mac1", fleet
        third.fleet = other.fleet = uuid4().hex
        third.mdns.renew()
        other.mdns.renew()
        await soon(lambda: other.hears("mac3") and one.hears("mac3") is None)


async def test_a_changed_address_is_announced_at_once_and_replaces_the_old_one(fleet: str) -> None:
    one, other = Ears("mac1", fleet, ["192.0.2.1:1"]), Ears("mac2", fleet, ["192.0.2.2:1"])
    async with listening(one, other):
        await soon(lambda: one.hears("mac2"))
        await asyncio.sleep(1.5)  # what was announced within a second is kept beside the new: RFC 6762 10.2
        other.addresses = ["192.0.2.99:1"]
        other.mdns.renew()
        await soon(lambda: one.hears("mac2") == ("192.0.2.99:1",), 2)


async def test_who_only_moves_says_no_goodbye_and_who_ends_says_it_from_where_he_is_by_then(fleet: str) -> None:
    one, other = Ears("mac1", fleet, ["192.0.2.1:1"]), Ears("mac2", fleet, ["192.0.2.2:1"])
    async with listening(one):
        async with listening(other):
            await soon(lambda: one.hears("mac2"))
            other.interfaces.clear()
            other.mdns.renew()
            await soon(lambda: other.mdns.problem)
            assert one.hears("mac2")
            other.interfaces.append("127.0.0.1")
        await soon(lambda: one.hears("mac2") is None, 2)


async def test_an_announcement_that_goes_on_is_heard_again_and_again(
    fleet: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LOOK_AGAIN_SECONDS", 0.01)
    one, other = Ears("mac1", fleet, ["192.0.2.1:1"]), Ears("mac2", fleet, ["192.0.2.2:1"])
    async with listening(one, other):
        await soon(lambda: one.times > 20)
        assert set(one.heard) == {"mac2"}


async def test_a_node_with_a_long_name_that_nobody_can_reach_listens_without_announcing(fleet: str) -> None:
    hidden, long = Ears("mac1", fleet, ["127.0.0.1:1"]), Ears("x" * 63, fleet, ["192.0.2.2:1"])
    async with listening(hidden, long):
        await soon(lambda: hidden.hears("x" * 63))
        assert long.heard == {}


@pytest.mark.parametrize(
    ("texts", "hosts", "port", "expected"),
    [
        (GOOD, ["192.0.2.2"], 8855, ("192.0.2.2:8855",)),
        (GOOD, ["127.0.0.1", "::1", "192.0.2.2", "224.0.0.1", "0.0.0.0", "fe80::1"], 1, ("192.0.2.2:1",)),
        (GOOD, [f"192.0.2.{n}" for n in range(1, 100)], 1, tuple(f"192.0.2.{n}:1" for n in range(1, 9))),
        (GOOD, ["127.0.0.1"], 8855, None),
        (GOOD, ["mac2.local"], 8855, None),
        (GOOD, [], 8855, None),
        (GOOD, ["192.0.2.2"], 0, None),
        (GOOD, ["192.0.2.2"], None, None),
        (GOOD | {b"v": b"2"}, ["192.0.2.2"], 1, None),
        (GOOD | {b"node": b"Mac2"}, ["192.0.2.2"], 1, None),
        (GOOD | {b"node": b"../../x"}, ["192.0.2.2"], 1, None),
        (GOOD | {b"node": b"mac2\n"}, ["192.0.2.2"], 1, None),
        (GOOD | {b"node": b"x" * 64}, ["192.0.2.2"], 1, None),
        (GOOD | {b"node": "\u202emac".encode()}, ["192.0.2.2"], 1, None),
        (GOOD | {b"node": None}, ["192.0.2.2"], 1, None),
        (GOOD | {b"fleet": b""}, ["192.0.2.2"], 1, None),
        (GOOD | {b"fleet": b"0123456789ABCDEF"}, ["192.0.2.2"], 1, None),
        (GOOD | {b"fleet": b"\xff" * 16}, ["192.0.2.2"], 1, None),
        ({}, ["192.0.2.2"], 1, None),
        (None, ["192.0.2.2"], 1, None),
    ],
)
def test_only_records_of_the_right_shape_say_anything(
    texts: object, hosts: list[str], port: int | None, expected: tuple[str, ...] | None
) -> None:
    found = announced(texts, hosts, port)
    assert found == (None if expected is None else Announced("mac2", TAG, expected))
    assert expected is None or len(expected) <= ADDRESSES_LIMIT


@pytest.mark.parametrize("node", ["a", "mac1", "x" * 46, "x" * 47, "x" * 63])
def test_the_name_of_an_announcement_fits_into_one_label_and_is_the_nodes_alone(node: str) -> None:
    name = name_of(node, TAG)
    assert len(name.partition(".")[0]) <= 63 and name.endswith(f"-{TAG}.{SERVICE}")
    assert name_of(node, "f" * 16) != name and name_of("y" + node[1:], TAG) != name


async def test_spoofed_records_are_counted_and_come_to_nothing(fleet: str) -> None:
    one = Ears("mac1", fleet, ["192.0.2.1:1"])
    tag = fleet_tag(fleet)
    async with listening(one):
        bad = "-oProxyCommand=x", tag, ["192.0.2.66"]
        async with shouting(*bad, name=f"x.{SERVICE}"), shouting("mac8", tag, ["192.0.2.66"], name=f"y.{SERVICE}"):
            await soon(lambda: one.counters.snapshot().get("mdns_bad", 0) >= 2)
        async with shouting("mac1", tag, ["192.0.2.66"]), shouting("mac7", tag, ["127.0.0.1", "192.0.2.67"]):
            await soon(lambda: one.hears("mac7") == ("192.0.2.67:8855",))
        assert "mac8" not in one.heard, "an announcement under a name that is not the node's own"
        assert "mac1" not in one.heard, "nobody tells a node about itself"


async def test_a_flood_is_dropped_before_it_is_read_and_who_comes_after_it_is_heard(fleet: str) -> None:
    one, other = Ears("mac1", fleet, ["192.0.2.1:1"]), Ears("mac2", fleet, ["192.0.2.2:1"])
    async with listening(one):
        garbage = [b"\0\0\x84\0fleet-nerve" + os.urandom(200) for _ in range(int(BURST))]
        thrown([os.urandom(400) for _ in range(200)])  # a busy network: not about us
        thrown([b"fleet-nerve" + bytes(DATAGRAM_LIMIT)] * 20)
        assert "mdns_flooded" not in one.counters.snapshot()
        for _ in range(10):
            thrown(garbage[:100])
            await asyncio.sleep(0.01)
        await soon(lambda: one.counters.snapshot().get("mdns_flooded"))
        async with listening(other):
            await soon(lambda: one.hears("mac2"), 15)


async def test_where_multicast_cannot_be_had_it_is_said_once_and_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    interfaces: list[str | int] = []
    counters = Counters()
    quiet = Mdns(
        "mac1",
        fleet=lambda: "f",
        addresses=lambda: ["192.0.2.1:1"],
        heard=lambda found: None,
        gone=lambda node: None,
        counters=counters,
        interfaces=lambda: interfaces,
    )
    monkeypatch.setattr(module, "AGAIN_SECONDS", 0.01)
    running = asyncio.create_task(quiet.run())
    await soon(lambda: quiet.problem)
    assert quiet.problem == "no network interface is up"
    await asyncio.sleep(0.05)
    assert counters.snapshot()["mdns_unavailable"] == 1
    interfaces.append("127.0.0.1")
    quiet.renew()
    async with asyncio.timeout(10):
        await quiet.working.wait()
    assert quiet.problem is None
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_what_could_not_be_had_as_an_interface_came_up_is_tried_again_soon(
    fleet: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "AGAIN_FIRST", 0.001)
    found: list[list[str | int]] = [[], [], []]
    ears = Ears("mac1", fleet, ["192.0.2.1:1"])
    monkeypatch.setattr(ears.mdns, "_interfaces", lambda: found.pop() if found else ears.interfaces)
    async with listening(ears):
        assert ears.mdns.problem is None and not found


async def test_a_part_that_ends_by_a_fault_is_missed(fleet: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fails(zeroconf: object) -> None:
        raise RuntimeError("a fault")

    ears = Ears("mac1", fleet, ["192.0.2.1:1"])
    monkeypatch.setattr(ears.mdns, "_look_again", fails)
    with pytest.raises(RuntimeError, match="a fault"):  # and it is run again by who runs it
        async with asyncio.timeout(60):
            await ears.mdns.run()
