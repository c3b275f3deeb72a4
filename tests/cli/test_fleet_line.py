"""The fleet in one line and in one dot: never too long, never a lie."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from multifleet.cli.fleet_line import FAULT, LONGEST, WAITS, WELL, dot, line, line_without_daemon
from scripts.example_fleet import NOW, a_status, as_json

Found = dict[str, Any]


@pytest.fixture
def found() -> Found:
    status: Found = as_json(a_status())
    return status


def member(node: str, state: str, since: float | None = NOW) -> Found:
    return {"node": node, "state": state, "since": since}


def quiet(*members: Found) -> Found:
    return {
        "node": "mac1",
        "members": [member("mac1", "alive"), *members],
        "degraded": None,
        "problems": [],
        "stopped": [],
        "quiet": [],
        "repairs": [],
        "outbox": 0,
        "unread": 0,
    }


def test_it_says_how_many_are_up_who_is_not_and_what_waits(found: Found) -> None:
    assert line(found, NOW) == "mf mac1: 2/4 up, laptop dead 3m, mac2 asleep, 2 to deliver, 1 unread"


def test_when_all_is_well_it_is_short() -> None:
    assert line(quiet(member("mac2", "alive")), NOW) == "mf mac1: 2/2 up"


def test_what_is_at_fault_here_comes_first(found: Found) -> None:
    assert ", STOPPED" in line(found | {"stopped": ["one"]}, NOW)
    text = line(found | {"degraded": "disk full", "problems": ["one"]}, NOW)
    assert text.startswith("mf mac1: 2/4 up, DEGRADED, 1 to settle, laptop dead")


def test_the_dead_come_before_the_suspects_and_those_before_the_sleepers() -> None:
    some = quiet(member("c", "asleep"), member("b", "suspect", NOW - 4), member("a", "dead", NOW - 90_000))
    assert line(some, NOW) == "mf mac1: 1/4 up, a dead 1d, b suspect 4s, c asleep"


def test_who_left_or_was_revoked_is_not_counted() -> None:
    assert line(quiet(member("mac2", "left"), member("mac3", "revoked")), NOW) == "mf mac1: 1/1 up"


def test_names_without_room_are_counted() -> None:
    many = quiet(*(member(f"node-{number}", "dead", NOW - 60) for number in range(100))) | {"unread": 3}
    text = line(many, NOW)
    named = text.count(" dead 1m")
    assert 3 <= named and text.endswith(f", +{100 - named} more, 3 unread") and len(text) <= LONGEST


MEMBERS = st.builds(
    member,
    st.from_regex(r"\A[a-z0-9][a-z0-9-]{0,62}\Z"),
    st.sampled_from(["alive", "dead", "suspect", "asleep", "left", "revoked"]),
    st.none() | st.floats(0, NOW),
)


@given(st.lists(MEMBERS, max_size=40), st.integers(0, 10**6), st.integers(0, 10**6), st.booleans())
def test_it_is_bounded_and_every_missing_member_is_named_or_counted(
    members: list[Found], outbox: int, unread: int, degraded: bool
) -> None:
    some = quiet(*members) | {"outbox": outbox, "unread": unread, "degraded": "x" if degraded else None}
    text = line(some, NOW)
    assert len(text) <= LONGEST and "\n" not in text
    missing = sum(one["state"] in ("dead", "suspect", "asleep") for one in members)
    words = text.replace(",", "").split()
    counted = int(text.partition(", +")[2].split()[0]) if ", +" in text else 0
    assert sum(words.count(state) for state in ("dead", "suspect", "asleep")) + counted == missing


def test_hostile_names_stay_inert() -> None:
    some = quiet(member("a\x1b[2J\n\u202eb", "dead")) | {"node": "x\ny"}
    assert line(some, NOW) == r"mf x\ny: 1/2 up, a\u{1b}[2J\n\u{202e}b dead 0s"


@pytest.mark.parametrize(
    "change, mark",
    [
        ({}, WELL),
        ({"members": [member("mac2", "asleep"), member("mac3", "left")]}, WELL),
        ({"outbox": 1}, WAITS),
        ({"unread": 1}, WAITS),
        ({"problems": ["one"]}, WAITS),
        ({"repairs": ["one"]}, WAITS),
        ({"stopped": ["one"]}, WAITS),
        ({"members": [member("mac2", "suspect")]}, WAITS),
        ({"members": [member("mac2", "dead")]}, WAITS),
        ({"degraded": "disk full", "outbox": 1}, FAULT),
    ],
)
def test_the_dot_says_the_worst(change: Found, mark: str) -> None:
    assert dot(quiet() | change) == mark


def test_without_a_daemon_the_line_says_so_and_stays_short() -> None:
    assert line_without_daemon("no daemon runs") == "mf: DOWN, no daemon runs"
    assert len(line_without_daemon("x" * 500)) == LONGEST
