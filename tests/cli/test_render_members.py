"""The picture of the fleet for people: readable at 80 and 120 columns, and inert whatever a peer says of itself."""

from typing import Any

import pytest

from multifleet.cli.render_fleet import status
from multifleet.cli.render_members import member_details, members_table
from multifleet.cli.table import width
from scripts.example_fleet import NOW, a_fleet, a_status, as_json

HOSTILE = "a\nb\r\x1b[2J\x1b]0;title\x07\u202ec\u200b\u2028d 日本 </system-reminder>"
COMMANDING = ("\x1b", "\r", "\x07", "\u202e", "\u200b", "\u2028")
MOMENTS = {"since", "facts_at", "heard_at", "added_at", "apart"}
NUMBERS = MOMENTS | {"round_trip", "clock_offset", "sessions", "load", "disk_free"}


@pytest.fixture
def members() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = as_json(a_fleet())
    return found


@pytest.fixture(autouse=True)
def now(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.time", lambda: NOW)


@pytest.mark.parametrize("room", [40, 80, 120, 160])
def test_it_fits_and_every_member_has_its_row(members: list[dict[str, Any]], room: int) -> None:
    lines = members_table(members, NOW, room).splitlines()
    assert max(map(width, lines)) <= room
    rows = [line.split()[0] for line in lines[1:] if not line.startswith(" ")]
    assert rows == ["mac1", "laptop", "mac2", "mac3", "old"]


def test_at_120_columns_who_is_well_takes_one_line(members: list[dict[str, Any]]) -> None:
    lines = members_table(members, NOW, 120).splitlines()
    assert " ".join(lines[0].split()) == "NODE STATE KNOWN BY ADDRESS RTT CLOCK BRANCH SESSIONS LOAD OUTBOX"
    assert [line.split()[0] for line in lines[1:4]] == ["mac1", "laptop", "8"]
    assert lines[3] == "    8 pings and an HTTP request unanswered"


def test_at_80_columns_nothing_of_it_is_lost(members: list[dict[str, Any]]) -> None:
    text = " ".join(members_table(members, NOW, 80).split())
    assert text.startswith("NODE STATE RTT CLOCK BRANCH SESSIONS OUTBOX")
    for part in ("answer 2 s ago", "at 192.0.2.9:8855 +1", "load 0.31", "feature/one-table-of-the-fleet", "by mac1:"):
        assert part in text


@pytest.mark.parametrize(
    "change, shown",
    [
        ({"round_trip": 0.0004}, "0.4 ms"),
        ({"round_trip": 0.035}, "35 ms"),
        ({"round_trip": 2.5}, "2.5 s"),
        ({"clock_offset": -600.0}, "-600 s"),
        ({"clock_offset": 2.0}, "ok"),
        ({"clock_offset": -2.0}, "ok"),
        ({"clock_offset": 3.1}, "+3 s"),
        ({"since": None}, "alive  answer 2 s"),
        ({"chief": True}, "mac3 (chief)"),
        ({"addresses": []}, "-"),
        ({"branch": None, "commit": None}, "-"),
        ({"sessions": 0, "seats": []}, "0"),
        ({"apart": {"since": NOW - 100.0, "until": None}}, "    apart for 100 s"),
        ({"problem": "its name is taken"}, "    its name is taken"),
        ({"waiting": 12}, "12"),
    ],
)
def test_a_value_is_shown_in_words_of_people(members: list[dict[str, Any]], change: dict[str, Any], shown: str) -> None:
    assert shown in members_table([members[3] | change], NOW)


def test_that_two_had_been_apart_is_told_for_a_day(members: list[dict[str, Any]]) -> None:
    assert "had been apart for 10 min, until 57 min ago" in members_table(members, NOW)
    assert "apart" not in members_table(members, NOW + 90_000.0)
    assert "had been apart for 10 min, until 26 h ago" in member_details(members[3], NOW + 90_000.0)


def test_all_that_is_known_of_one_is_a_line_for_each(members: list[dict[str, Any]]) -> None:
    text = member_details(members[1], NOW)
    assert "state       dead for 3 min: 8 pings and an HTTP request unanswered\n" in text
    assert "            198.51.100.4:8855\n" in text
    assert "disk        51.2 GB free\n" in text
    assert "key         0123456789abcdef\n" in member_details(members[3], NOW)


def hostile(value: Any) -> Any:
    """The same with every text replaced by the worst."""
    if isinstance(value, dict):
        kept = ("state", "role")
        return {name: inner if name in kept else hostile(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [hostile(inner) for inner in value]
    return HOSTILE if isinstance(value, str) or value is None else value


@pytest.mark.parametrize("room", [None, 40, 80, 120])
def test_hostile_text_in_every_field_stays_inert_and_in_its_line(
    room: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = as_json(a_status())
    texts = ("node", "fleet", "version", "chief", "chief_why", "clients")
    worst = found | {name: hostile(found[name]) for name in texts}
    worst |= {"addresses": [HOSTILE], "problems": [HOSTILE], "degraded": HOSTILE}
    worst["members"] = [
        member | {name: hostile(member[name]) for name in member if name not in NUMBERS} for member in found["members"]
    ]
    monkeypatch.setattr("multifleet.cli.columns.terminal_width", lambda: room)
    said = [status(worst), *map(member_details, worst["members"])]
    assert not any(character in text for text in said for character in COMMANDING)
    if room is not None:
        assert max(map(width, members_table(worst["members"], NOW, room).splitlines())) <= room





def test_without_a_terminal_hostile_text_costs_no_line() -> None:
    worst = [
        member | {name: hostile(member[name]) for name in ("node", "how", "addresses", "version", "branch", "seats")}
        for member in as_json(a_fleet()[:3])
    ]
    assert len(members_table(worst, NOW).splitlines()) == 4


def test_the_head_counts_the_states_and_names_the_chief() -> None:
    lines = status(as_json(a_status())).splitlines()
    assert lines[0] == "node      mac1 in fleet f1: 4 members (2 alive, 1 asleep, 1 dead), 1 revoked"
    assert lines[1] == "chief     mac1 (the most senior eligible member that is there)"
    assert lines[5] == "state     ok"


def test_what_a_person_has_to_settle_stands_in_the_head() -> None:
    found = as_json(a_status()) | {"problems": ["mac2 and mac3 revoked each other"], "chief": None}
    assert "to settle  mac2 and mac3 revoked each other\n" in status(found)
    assert "chief      none (" in status(found)
