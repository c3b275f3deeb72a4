"""What of a large fleet a model is shown."""

import json
from typing import Any

import msgspec
import pytest

from multifleet.mcp.bounded import LISTS, UNUSUAL_MOST, USUAL_MOST, bounded
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


def test_every_list_that_is_cut_is_there() -> None:
    by_name = {operation.name: operation for operation in OPERATIONS}
    for name, lists in LISTS.items():
        fields = {field.encode_name for field in msgspec.structs.fields(by_name[name].result)}
        assert {each.field for each in lists} <= fields
