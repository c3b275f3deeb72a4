"""What of a large fleet a model is shown."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from multifleet.mcp.bounded import LEAST, LISTS, ROOM, UNUSUAL_MOST, USUAL_MOST, bounded
from multifleet.mcp.shown import shown
from multifleet.operations import OPERATIONS
from scripts.example_fleet import a_status


def status(**many: int) -> dict[str, Any]:
    """A fleet with so many members in each state."""
    found: dict[str, Any] = json.loads(msgspec.json.encode(a_status()))
    row = found["members"][3] | {"chief": False}
    found["members"] = [
        row | {"node": f"{state}-{number}", "state": state} for state, count in many.items() for number in range(count)
    ]
    return found


def test_a_small_fleet_is_shown_as_it_is() -> None:
    found = status(alive=20, dead=3)
    assert bounded("status", found) == found


def test_of_a_large_one_all_are_counted_and_who_is_not_plainly_alive_is_shown() -> None:
    cut = bounded("status", status(alive=290, dead=3, suspect=2, asleep=1, revoked=4))
    shown_states = [member["state"] for member in cut["members"]]
    assert shown_states.count("alive") == USUAL_MOST
    assert [shown_states.count(state) for state in ("dead", "suspect", "asleep")] == [3, 2, 1]
    assert cut["members_in_all"] == {"alive": 290, "dead": 3, "suspect": 2, "asleep": 1, "revoked": 4}
    left = cut["members_left_out"]
    assert (left["alive"], left["revoked"]) == (260, 4) and "fleet_peers" in left["how_to_see_them"]


def test_a_chief_and_a_problem_are_always_shown() -> None:
    found = status(alive=300)
    found["members"][250]["chief"] = True
    found["members"][280]["problem"] = "another machine calls itself so too"
    names = [member["node"] for member in bounded("status", found)["members"]]
    assert {"alive-250", "alive-280"} <= set(names)


@pytest.mark.parametrize("state", ["alive", "dead"])
def test_a_thousand_members_have_a_bound_in_bytes(state: str) -> None:
    text, _ = shown("status", bounded("status", status(**{state: 1_000})))
    assert len(text) < 40_000
    assert len(bounded("status", status(**{state: 1_000}))["members"]) <= UNUSUAL_MOST + USUAL_MOST


def listing(*lengths: int) -> dict[str, Any]:
    """Messages with texts of so many characters."""
    return {"messages": [{"id": str(number), "body": "x" * length} for number, length in enumerate(lengths)]}


def test_what_fits_is_listed_whole() -> None:
    for found in (listing(), listing(0, 5), listing(ROOM), listing(*[ROOM // 50] * 50)):
        assert bounded("inbox", found) == found
    assert bounded("read", listing(10 * ROOM)) == listing(10 * ROOM)


def test_a_long_text_is_cut_to_the_room_that_the_short_ones_leave_and_says_so() -> None:
    rows = bounded("inbox", listing(100, 256_000, 0, 50_000))["messages"]
    assert [len(row["body"]) for row in rows] == [100, (ROOM - 100) // 2, 0, (ROOM - 100) // 2]
    assert rows[1]["body_missing"] == "the last 248050 of 256000 characters: fleet_read shows all of it"
    assert "body_missing" not in rows[0]


@given(st.lists(st.integers(0, 3 * ROOM), max_size=60))
def test_a_list_of_messages_has_a_bound_and_loses_none(lengths: list[int]) -> None:
    rows = bounded("unread", listing(*lengths))["messages"]
    assert [row["id"] for row in rows] == [str(number) for number in range(len(lengths))]
    assert sum(len(row["body"]) for row in rows) <= max(ROOM, LEAST * len(lengths))


def test_every_list_that_is_cut_is_there() -> None:
    by_name = {operation.name: operation for operation in OPERATIONS}
    for name, lists in LISTS.items():
        fields = {field.encode_name for field in msgspec.structs.fields(by_name[name].result)}
        assert {each.field for each in lists} <= fields
