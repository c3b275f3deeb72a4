"""The tables of channels, routes and priorities fit each other and what travels."""

from typing import get_args

import pytest

from multifleet.config import ChannelSettings
from multifleet.core.packets import MessageType
from multifleet.core.routing import (
    CHANNELS,
    PRIORITY,
    ROUTES,
    ChannelFacts,
    ChannelName,
    Success,
    Tier,
    channels_table,
    go_together,
    has_own_order,
    may_wait,
    place_of,
    quiet,
    route,
    routes_table,
)

SEED = ChannelFacts("seed", "P4", Tier.KEPT, 10, (Success.PARKED,), "written aside, fsync, rename")
SSH = ChannelFacts("ssh", "P5", Tier.KEPT, 10, (Success.STORED, Success.PARKED))
WAKE = ChannelFacts("wake", "P6", Tier.LAST, 60, (Success.NUDGED,))


def test_every_message_type_has_a_route_and_no_other() -> None:
    assert set(ROUTES) == set(get_args(MessageType))


def test_every_type_has_a_place_in_the_queue() -> None:
    assert set(PRIORITY) == {*get_args(MessageType), "heartbeat"}
    assert set(PRIORITY.values()) == {0, 1, 2, 3}


def test_alerts_go_first_and_heartbeats_last() -> None:
    assert [type for type, place in PRIORITY.items() if place == 0] == ["alert"]
    assert PRIORITY["heartbeat"] == max(PRIORITY.values())


def test_what_may_wait_goes_last_and_rouses_nobody_unless_it_is_an_alert() -> None:
    assert may_wait("task", "whenever") and place_of("task", "whenever") == max(PRIORITY.values())
    for type, urgency in (("alert", "whenever"), ("task", "next-turn"), ("context", "now")):
        assert not may_wait(type, urgency) and place_of(type, urgency) == PRIORITY[type]
    left = {facts.name for facts in quiet(CHANNELS.values())}
    assert set(CHANNELS) - left == {"wake", "text", "cloud"}


def test_there_is_one_row_for_each_channel_that_is_built() -> None:
    assert set(CHANNELS) == set(ChannelName)
    assert all(name == facts.name for name, facts in CHANNELS.items())


def test_routes_name_channels_that_exist_and_each_once() -> None:
    for names in ROUTES.values():
        assert set(names) <= set(CHANNELS)
        assert len(set(names)) == len(names)


@pytest.mark.parametrize("type", ROUTES)
def test_every_route_can_get_a_message_stored_by_itself(type: str) -> None:
    assert any(Success.STORED in facts.success for facts in route(type, set(CHANNELS)))


def test_a_node_uses_the_channels_of_the_route_that_it_has() -> None:
    assert [facts.name for facts in route("context", {"http"})] == ["http"]
    assert [facts.name for facts in route("context", {"memory", "pigeon"})] == ["memory"]
    assert route("context", set()) == ()


def test_what_only_nudges_is_told_from_what_leaves_the_frame_somewhere() -> None:
    assert WAKE.only_nudges
    assert not SEED.only_nudges
    assert not SSH.only_nudges


def test_the_table_of_channels_is_printed_without_those_for_tests() -> None:
    assert channels_table([SEED, SSH, CHANNELS["memory"], WAKE]) == (
        "|  | channel | turn | timeout | success | notes |\n"
        "| --- | --- | --- | --- | --- | --- |\n"
        "| P4 | seed | kept | 10 s | parked | written aside, fsync, rename |\n"
        "| P5 | ssh | kept | 10 s | stored or parked |  |\n"
        "| P6 | wake | last | 60 s | nudged |  |\n"
    )


def test_the_table_of_routes_is_printed_most_urgent_first() -> None:
    channels = {**CHANNELS, "seed": SEED}
    assert routes_table({"context": ("http", "memory", "seed"), "alert": ("http",)}, channels) == (
        "| type | priority | channels |\n"
        "| --- | --- | --- |\n"
        "| alert | 0 | P2 http |\n"
        "| context | 2 | P2 http, P4 seed |\n"
    )


def test_the_tables_in_use_can_be_printed() -> None:
    assert "| P2 | http |" in channels_table()
    assert len(routes_table().splitlines()) == 2 + len(ROUTES)


NONE = ChannelSettings()


def names(type: str, *settings: ChannelSettings) -> list[str]:
    return [facts.name for facts in route(type, CHANNELS, *settings)]


def test_a_channel_that_is_turned_off_is_in_no_route_of_this_peer() -> None:
    assert "nats" not in names("context", ChannelSettings(off=("nats",)), NONE)
    assert "ssh" not in names("context", NONE, ChannelSettings(off=("ssh",)))


def test_what_is_set_for_a_peer_goes_before_what_is_set_for_all() -> None:
    for_all = ChannelSettings(routes={"task": ("http", "ssh")}, timeouts={"http": 2.0, "ssh": 3.0})
    for_peer = ChannelSettings(routes={"task": ("ssh", "http")}, timeouts={"http": 9.0})
    found = route("task", CHANNELS, for_all, for_peer)
    assert [(facts.name, facts.timeout) for facts in found] == [("ssh", 3.0), ("http", 9.0)]
    assert names("context", for_all, for_peer) == names("context")
    assert has_own_order("task", for_all) and not has_own_order("context", for_all, for_peer)


@pytest.mark.parametrize(
    ("one", "other", "own", "together"),
    [
        ("context", "context", (), True),
        ("context", "task", (), True),
        ("alert", "alert", (), True),
        ("alert", "task", (), False),
        ("sync", "context", (), False),
        ("context", "task", ("task",), False),
        ("task", "task", ("task",), True),
    ],
)
def test_messages_share_a_frame_only_where_they_may_go_the_same_ways(
    one: str, other: str, own: tuple[str, ...], together: bool
) -> None:
    assert go_together(one, other, own) is together
    assert go_together(other, one, own) is together


def test_only_channels_that_show_text_say_so_in_their_notes() -> None:
    for facts in CHANNELS.values():
        assert facts.shows_text == ("shows text" in facts.notes)
