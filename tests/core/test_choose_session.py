"""Which session gets a message: by the deepest folder's seat, its status, its last activity, its pid."""

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from multifleet.core.choose_session import choose_session, seat_name, seat_of
from multifleet.core.ids import is_seat_name

SEATS = {"code": "/home/fleet/code", "api": "/home/fleet/code/api", "other": "/srv/other"}


@dataclass(frozen=True)
class Live:
    pid: int
    cwd: str
    status: str = "idle"
    active_at: float = 0.0


@pytest.mark.parametrize(
    ("cwd", "seat"),
    [
        ("/home/fleet/code", "code"),
        ("/home/fleet/code/", "code"),
        ("/home/fleet/code/web/src", "code"),
        ("/home/fleet/code/api", "api"),
        ("/home/fleet/code/api/src/deep", "api"),
        ("/home/fleet/code/api2", "code"),
        ("/home/fleet", None),
        ("/", None),
        ("/srv/other/../../home/fleet/code", "code"),
        ("/srv//other/./x", "other"),
    ],
)
def test_the_deepest_folder_above_the_session_is_its_seat(cwd: str, seat: str | None) -> None:
    assert seat_of(cwd, SEATS) == seat


def test_of_two_names_for_one_folder_the_first_in_the_alphabet_counts() -> None:
    assert seat_of("/x/y", {"b": "/x", "a": "/x"}) == "a"


@pytest.mark.parametrize(
    ("sessions", "wanted", "pid"),
    [
        ([], None, None),
        ([Live(1, "/nowhere")], "api", None),
        ([Live(1, "/nowhere")], None, 1),
        ([Live(1, "/home/fleet/code/api"), Live(2, "/home/fleet/code")], "code", 2),
        ([Live(1, "/srv/other", "busy"), Live(2, "/srv/other", "idle")], "other", 2),
        ([Live(1, "/srv/other", "waiting"), Live(2, "/srv/other", "busy")], "other", 2),
        ([Live(1, "/srv/other", "waiting", 9.0), Live(2, "/srv/other", "unknown", 1.0)], "other", 2),
        ([Live(1, "/srv/other", "idle", 1.0), Live(2, "/srv/other", "idle", 2.0)], "other", 2),
        ([Live(2, "/srv/other", "idle", 2.0), Live(1, "/srv/other", "idle", 2.0)], "other", 1),
        ([Live(1, "/srv/other", "shiny new", 5.0), Live(2, "/srv/other", "busy")], "other", 2),
    ],
)
def test_the_session_that_is_chosen(sessions: list[Live], wanted: str | None, pid: int | None) -> None:
    chosen = choose_session(sessions, SEATS, wanted)
    assert (chosen.pid if chosen else None) == pid


@pytest.mark.parametrize(
    ("folder", "taken", "name"),
    [
        ("/home/fleet/api", (), "api"),
        ("/home/fleet/My Project!", (), "my-project"),
        ("/home/fleet/.dotfiles", (), "dotfiles"),
        ("/home/fleet/Ünï", (), "n"),
        ("/", (), "seat"),
        ("/漢字", (), "seat"),
        ("/a/api", ("api",), "api-2"),
        ("/b/api", ("api", "api-2"), "api-3"),
        ("/" + "x" * 80, ("x" * 63,), "x" * 61 + "-2"),
    ],
)
def test_a_folder_names_its_seat(folder: str, taken: tuple[str, ...], name: str) -> None:
    assert seat_name(folder, taken) == name


@given(st.text(), st.sets(st.text(st.sampled_from("ab-2"), max_size=4), max_size=6))
def test_every_name_is_one_and_is_new(folder: str, taken: set[str]) -> None:
    name = seat_name(folder, taken)
    assert is_seat_name(name) and name not in taken
