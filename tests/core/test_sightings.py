"""What is heard on the network is bounded, ages, and never names an address that no other machine can have."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as some

from multifleet.core.sightings import (
    ADDRESSES_LIMIT,
    HINTS_LIMIT,
    KEPT,
    SIGHTINGS_LIMIT,
    Sightings,
    Way,
    fleet_tag,
    reachable,
)


def sightings(*members: str) -> Sightings:
    return Sightings(lambda node: node in members)


@pytest.mark.parametrize(
    ("host", "port", "expected"),
    [
        ("192.0.2.1", 8855, "192.0.2.1:8855"),
        ("2001:db8::1", 8855, "[2001:db8::1]:8855"),
        ("169.254.3.4", 1, "169.254.3.4:1"),  # a network without a server gives these
        ("fd7a:115c:a1e0::1", 65_535, "[fd7a:115c:a1e0::1]:65535"),
        ("::ffff:192.0.2.1", 80, "192.0.2.1:80"),
        ("::ffff:127.0.0.1", 80, None),  # loopback in disguise
        ("127.0.0.1", 8855, None),
        ("127.8.8.8", 8855, None),
        ("::1", 8855, None),
        ("0.0.0.0", 8855, None),
        ("::", 8855, None),
        ("224.0.0.251", 8855, None),
        ("ff02::fb", 8855, None),
        ("255.255.255.255", 8855, None),
        ("fe80::1", 8855, None),
        ("fe80::1%eth0", 8855, None),
        ("2001:db8::1%eth0", 8855, None),
        ("192.0.2.1", 0, None),
        ("192.0.2.1", 65_536, None),
        ("192.0.2.1", -1, None),
        ("mac1.local", 8855, None),
        ("192.0.2.1;id", 8855, None),
        ("192.0.2", 8855, None),
        ("", 8855, None),
    ],
)
def test_only_an_address_where_another_machine_can_listen_is_one(host: str, port: int, expected: str | None) -> None:
    assert reachable(host, port) == expected


@given(some.text(), some.integers())
def test_whatever_the_text_it_is_an_address_or_nothing(host: str, port: int) -> None:
    found = reachable(host, port)
    assert found is None or found.endswith(f":{port}")


def test_a_fleet_is_recognized_by_a_tag_that_does_not_name_it() -> None:
    assert fleet_tag("f1") == hashlib.sha256(b"mf1 mdnsf1").hexdigest()[:16]
    assert fleet_tag("f1") != fleet_tag("f2")


def test_hints_join_all_ways_without_doubles_and_within_bounds() -> None:
    seen = sightings("mac2")
    seen.saw("mac2", Way.CONFIGURED, ["192.0.2.1:1", "192.0.2.9:1"], 0.0)
    seen.saw("mac2", Way.MDNS, ["192.0.2.1:1", "192.0.2.2:1", "192.0.2.1:1"], 0.0)
    assert seen.hints("mac2", 1.0) == ("192.0.2.1:1", "192.0.2.2:1", "192.0.2.9:1")
    assert seen.hints("mac3", 1.0) == ()
    for way in Way:
        seen.saw("mac2", way, [f"192.0.2.{n}:{len(way)}" for n in range(20)], 2.0)
    assert {len(one.addresses) for one in seen.listing(3.0)} == {ADDRESSES_LIMIT}
    assert len(seen.hints("mac2", 3.0)) == HINTS_LIMIT


@pytest.mark.parametrize("way", list(Way))
def test_what_is_not_renewed_is_forgotten(way: Way) -> None:
    seen = sightings("mac2")
    seen.saw("mac2", way, ["192.0.2.1:1"], 0.0)
    assert seen.hints("mac2", KEPT[way]) == ("192.0.2.1:1",)
    assert seen.hints("mac2", KEPT[way] + 1) == ()
    assert seen.listing(KEPT[way] + 1) == []


def test_a_goodbye_ends_what_was_heard_that_way_alone() -> None:
    seen = sightings()
    seen.saw("mac2", Way.MDNS, ["192.0.2.1:1"], 0.0)
    seen.saw("mac2", Way.TAILSCALE, ["192.0.2.2:1"], 0.0)
    seen.gone("mac2", Way.MDNS)
    seen.gone("mac9", Way.MDNS)
    assert [(one.node, one.way) for one in seen.listing(1.0)] == [("mac2", Way.TAILSCALE)]
    seen.forget(Way.TAILSCALE)
    assert seen.listing(1.0) == []


def test_strangers_fill_the_table_and_no_more() -> None:
    seen = sightings("mac2")
    for number in range(10 * SIGHTINGS_LIMIT):
        assert seen.saw(f"x{number}", Way.MDNS, ["192.0.2.1:1"], float(number)) is (number < SIGHTINGS_LIMIT)
    assert len(seen.listing(1000.0)) == SIGHTINGS_LIMIT
    assert seen.saw("x0", Way.MDNS, ["192.0.2.3:1"], 1000.0), "who is in it is renewed"


def test_a_member_finds_room_in_a_table_full_of_strangers_and_the_oldest_goes() -> None:
    seen = sightings("mac2")
    for number in range(SIGHTINGS_LIMIT):
        seen.saw(f"x{number}", Way.MDNS, ["192.0.2.1:1"], float(number))
    assert seen.saw("mac2", Way.MDNS, ["192.0.2.2:1"], 500.0)
    listed = {one.node for one in seen.listing(500.0)}
    assert len(listed) == SIGHTINGS_LIMIT and "mac2" in listed and "x0" not in listed


def test_a_table_full_of_members_takes_no_more_of_them() -> None:
    seen = Sightings(lambda node: True)
    for number in range(SIGHTINGS_LIMIT):
        seen.saw(f"m{number}", Way.MDNS, [], 0.0)
    assert not seen.saw("late", Way.MDNS, [], 0.0)


@given(some.lists(some.tuples(some.sampled_from("abc"), some.sampled_from(list(Way)), some.floats(0, 20_000))))
def test_no_hint_is_older_than_its_way_allows(heard: list[tuple[str, Way, float]]) -> None:
    seen = sightings("a")
    now = 0.0
    for node, way, step in heard:
        now += step
        seen.saw(node, way, [f"192.0.2.{len(way)}:{int(step) + 1}"], now)
    assert all(now - one.at <= KEPT[one.way] for one in seen.listing(now))
    assert {address for one in seen.listing(now) for address in one.addresses} >= set(seen.hints("a", now))
