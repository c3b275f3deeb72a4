"""Seats: which folder has which, and what becomes of mail for one that is unknown, bound or removed."""

import json
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from multifleet.core.receipts import State
from multifleet.errors import BadInput, UnknownSeat
from multifleet.node.offering.seats import Seats
from tests.node.fleet import Machine, Machines


@pytest.fixture
async def mac2(fleet: Machines) -> AsyncIterator[Machine]:
    """A node to which mac1 sends."""
    _, mac2 = await fleet.started("mac1", "mac2")
    yield mac2


def folder(tmp_path: Path, name: str, git: bool = False) -> str:
    made = tmp_path / "work" / name
    made.mkdir(parents=True, exist_ok=True)
    if git:
        (made / ".git").mkdir()
    return str(made)


def client_knows(machine: Machine, content: str) -> None:
    config = Path(str(machine.config.claudeConfigDir))
    config.mkdir(parents=True)
    (config / ".claude.json").write_text(content)


def seats_of(machine: Machine) -> Seats:
    return machine.node.seats


async def test_mail_for_an_unknown_seat_is_turned_away_with_the_names_that_there_are(
    mac2: Machine, fleet: Machines, tmp_path: Path
) -> None:
    await seats_of(mac2).bind("web", folder(tmp_path, "web"), False)
    mac1 = fleet.all["mac1"]
    sent = await mac1.node.messages.send("mac2/api", "hello")
    story = await mac1.wait(sent.id, State.REFUSED)
    assert "no seat 'api' here (seats: web)" in (story.events[-1].detail or "")
    assert await mac2.bodies() == []


async def test_a_seat_that_was_bound_by_hand_has_no_client_before_one_is_open(mac2: Machine, tmp_path: Path) -> None:
    view = await mac2.node.seat_bind("api", folder(tmp_path, "api"), False)
    assert (view.bound_by, view.session, view.client) == ("user", None, None)


async def test_a_seat_is_bound_and_removed_and_stays_so_after_a_restart(mac2: Machine, tmp_path: Path) -> None:
    row = await seats_of(mac2).bind("api", folder(tmp_path, "api"), True)
    assert (row.name, row.folder, row.bound_by) == ("api", folder(tmp_path, "api"), "user")
    await mac2.restart()
    assert seats_of(mac2).exists("api") and seats_of(mac2).default == "api"
    await seats_of(mac2).remove("api")
    assert not seats_of(mac2).exists("api") and seats_of(mac2).default is None
    await mac2.restart()
    assert not seats_of(mac2).exists("api") and seats_of(mac2).default is None


async def test_mail_that_waits_at_a_seat_stays_when_the_seat_is_removed(
    mac2: Machine, fleet: Machines, tmp_path: Path
) -> None:
    await seats_of(mac2).bind("api", folder(tmp_path, "api"), False)
    sent = await fleet.all["mac1"].node.messages.send("mac2/api", "hello")
    await fleet.all["mac1"].wait(sent.id, State.STORED)
    await seats_of(mac2).remove("api")
    assert [row.state for row in await mac2.received()] == [State.STORED]


async def test_what_cannot_be_bound_or_removed_says_why(mac2: Machine, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="is no seat name"):
        await seats_of(mac2).bind("No Seat", folder(tmp_path, "api"), False)
    with pytest.raises(BadInput, match="is not a folder"):
        await seats_of(mac2).bind("api", str(tmp_path / "missing"), False)
    with pytest.raises(UnknownSeat, match="multifleet seats lists"):
        await seats_of(mac2).remove("api")


async def test_a_folder_bound_under_another_name_has_only_the_new_one(mac2: Machine, tmp_path: Path) -> None:
    seats = seats_of(mac2)
    assert seats.of_folder(folder(tmp_path, "api")) == "api"
    await seats.bind("backend", folder(tmp_path, "api"), False)
    assert seats.of_folder(folder(tmp_path, "api")) == "backend"
    assert [row.name for row in seats.rows] == ["backend"]


async def test_folders_of_one_name_get_seats_of_different_names_that_stay_theirs(mac2: Machine, tmp_path: Path) -> None:
    first, second = folder(tmp_path, "a/api"), folder(tmp_path, "b/api")
    assert [seats_of(mac2).of_folder(first), seats_of(mac2).of_folder(second)] == ["api", "api-2"]
    await mac2.restart()
    assert [seats_of(mac2).of_folder(second), seats_of(mac2).of_folder(first)] == ["api-2", "api"]


async def test_a_folder_in_a_repository_or_a_bound_folder_sits_on_its_seat_and_any_other_on_its_own(
    mac2: Machine, tmp_path: Path
) -> None:
    seats = seats_of(mac2)
    assert seats.of_folder(folder(tmp_path, "repo", git=True)) == "repo"
    assert seats.of_folder(folder(tmp_path, "repo/src/deep")) == "repo"
    await seats.bind("mono", folder(tmp_path, "mono"), False)
    assert seats.of_folder(folder(tmp_path, "mono/part")) == "mono"
    assert seats.of_folder(folder(tmp_path, "")) == "work"
    assert seats.of_folder(folder(tmp_path, "loose")) == "loose", "a folder that merely holds others is no project"
    await seats.bind("all", str(tmp_path), False)
    assert seats.of_folder(folder(tmp_path, "more")) == "all", (
        "past the folder that is none, up to the one that is bound"
    )


async def test_asking_for_a_folders_seat_gives_it_none(mac2: Machine, tmp_path: Path) -> None:
    seats = seats_of(mac2)
    assert seats.of_folder(folder(tmp_path, "")) == "work"
    assert seats.known_for(folder(tmp_path, "loose")) is None
    assert await mac2.node.offering.session_started("s", folder(tmp_path, "single"), False) == ""
    assert [row.name for row in seats.rows] == ["work"]


async def test_a_link_to_a_folder_is_that_folder(mac2: Machine, tmp_path: Path) -> None:
    api = folder(tmp_path, "api")
    os.symlink(api, tmp_path / "link")
    assert seats_of(mac2).of_folder(str(tmp_path / "link")) == seats_of(mac2).of_folder(api) == "api"


async def test_projects_that_the_client_knows_have_seats_before_a_session_runs_there(
    mac2: Machine, fleet: Machines, tmp_path: Path
) -> None:
    known = {folder(tmp_path, "schema"): {}, str(tmp_path / "deleted"): {}}
    client_knows(mac2, json.dumps({"projects": known}))
    mac1 = fleet.all["mac1"]
    sent = await mac1.node.messages.send("mac2/schema", "hello")
    await mac1.wait(sent.id, State.STORED)
    assert not seats_of(mac2).exists("deleted")


@pytest.mark.parametrize(
    "content", ["", "[]", "{", '{"projects": [1]}', '{"projects": {"relative": {}, "/\\u0000": {}}}']
)
async def test_a_client_file_of_another_shape_gives_no_seats(mac2: Machine, content: str) -> None:
    client_knows(mac2, content)
    assert not seats_of(mac2).exists("relative") and seats_of(mac2).rows == []


async def test_a_folder_that_had_the_default_seat_still_has_it_under_another_name(
    mac2: Machine, tmp_path: Path
) -> None:
    await seats_of(mac2).bind("web", folder(tmp_path, "web"), True)
    await seats_of(mac2).bind("api", folder(tmp_path, "api"), False)
    assert seats_of(mac2).default == "web"
    assert (await mac2.node.seat_bind("web2", folder(tmp_path, "web"), False)).default is True
    await mac2.restart()
    assert seats_of(mac2).default == "web2"
