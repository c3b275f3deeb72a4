"""A seed is shown by whoever renames it first, and nothing but a seed of ours is ever laid, read or removed."""

import json
import os
import stat
import threading
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from multifleet.sessions.own_files import NotOurs
from multifleet.sessions.seeds import AWAITED, ENDED, ENDING, LONGEST_TURN, MAX_SEED, SeedBox, fragment

ID = "85f25b7e-8348-4b79-bdeb-0f2f2dc40cb5"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path


def taken_by_hook(home: Path, pid: int = 4711) -> None:
    os.rename(home / f"seeds/{ID}/next", home / f"seeds/{ID}/taken.{pid}")


def test_a_seed_lies_ready_and_is_private(home: Path) -> None:
    box = SeedBox(home)
    assert box.put(ID, fragment("hello")) and box.waits(ID)
    path = home / f"seeds/{ID}/next"
    assert path.read_text() == "hello" + ENDING
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == stat.S_IMODE((home / "seeds").stat().st_mode) == 0o700
    assert os.listdir(path.parent) == ["next"] and box.sessions() == [ID]


def test_a_seed_that_waits_is_not_replaced_but_taken_back(home: Path) -> None:
    box = SeedBox(home)
    box.put(ID, "first")
    assert not box.put(ID, "second")
    assert box.take_back(ID) == "first"
    assert box.take_back(ID) is None and not box.waits(ID)
    assert box.put(ID, "second") and box.take_back(ID) == "second"
    assert os.listdir(home / f"seeds/{ID}") == []


def test_what_a_hook_took_is_told_until_it_is_written_down(home: Path) -> None:
    box = SeedBox(home)
    box.put(ID, fragment('say "hi"\n'))
    taken_by_hook(home)
    assert box.take_back(ID) is None
    for _ in range(2):
        (taken,) = box.taken(ID)
        assert (taken.session_id, taken.pid, taken.fragment) == (ID, 4711, 'say \\"hi\\"\\n')


def test_what_a_hook_took_is_cleared_away_when_it_is_old_and_told(home: Path) -> None:
    box = SeedBox(home)
    box.put(ID, "a")
    taken_by_hook(home)
    (taken,) = box.taken(ID)
    box.clear(taken.at + 1, keep={ID})
    box.clear(taken.at)
    assert box.taken(ID) == [taken]
    box.clear(taken.at + 1)
    assert box.taken(ID) == [] and box.sessions() == []


def test_a_seed_that_waits_is_never_cleared_away(home: Path) -> None:
    box = SeedBox(home)
    box.put(ID, "a")
    box.clear(2e12)
    assert box.waits(ID)


def test_hook_and_daemon_never_both_have_a_seed(home: Path) -> None:
    box = SeedBox(home)
    for round in range(200):
        box.put(ID, f"{round}")
        barrier = threading.Barrier(2)
        won: list[str] = []

        def hook(barrier: threading.Barrier = barrier, won: list[str] = won) -> None:
            barrier.wait()
            try:
                taken_by_hook(home)
                won.append("hook")
            except FileNotFoundError:
                pass

        thread = threading.Thread(target=hook)
        thread.start()
        barrier.wait()
        if box.take_back(ID) is not None:
            won.append("daemon")
        thread.join()
        assert len(won) == 1
        for taken in box.taken(ID):
            os.unlink(taken.path)


@given(st.text(st.characters(exclude_categories=())))
def test_a_fragment_and_its_ending_complete_the_hooks_json(text: str) -> None:
    head = '{"hookSpecificOutput":{"hookEventName":"Stop","additionalContext":"'
    whole = head + fragment(text) + ENDING
    assert json.loads(whole)["hookSpecificOutput"]["additionalContext"] == text
    assert whole.isascii() and whole.count("\n") == 1


@pytest.mark.parametrize("bad", ['"', '"}}', "\\", "a\nb", "\\x", "é"])
def test_what_would_break_the_hooks_json_is_refused(home: Path, bad: str) -> None:
    with pytest.raises(ValueError):
        SeedBox(home).put(ID, bad)
    assert not (home / "seeds").exists() or not SeedBox(home).waits(ID)


def test_a_seed_that_is_too_large_is_refused(home: Path) -> None:
    with pytest.raises(ValueError):
        SeedBox(home).put(ID, "x" * MAX_SEED)


@pytest.mark.parametrize(
    "name",
    ["", ".", "..", "../../x", "a/b", "-oProxyCommand=x", "a;id", "$(id)", "a\nb", "x" * 300, "a.b", "é", "a\0"],
)
def test_a_session_id_of_another_shape_is_refused_everywhere(home: Path, name: str) -> None:
    box = SeedBox(home)
    for ask in (lambda: box.put(name, "x"), lambda: box.take_back(name), lambda: box.taken(name)):
        with pytest.raises(ValueError):
            ask()
    assert os.listdir(home) == []


@pytest.mark.parametrize("kind", ["link", "fifo", "folder", "junk"])
def test_what_is_planted_in_a_seeds_place_is_neither_followed_nor_shown(home: Path, kind: str) -> None:
    box = SeedBox(home)
    box.put(ID, "x")
    box.take_back(ID)
    precious = home / "precious"
    precious.write_text("secret" + ENDING)
    for name in ("next", "taken.7"):
        path = home / f"seeds/{ID}/{name}"
        if kind == "link":
            path.symlink_to(precious)
        elif kind == "fifo":
            os.mkfifo(path)
        elif kind == "folder":
            path.mkdir()
        else:
            path.write_bytes(b"\xff no seed")
    assert not box.put(ID, "y")
    with pytest.raises(NotOurs):
        box.take_back(ID)
    assert box.taken(ID) == []
    assert precious.read_text() == "secret" + ENDING


@pytest.mark.parametrize("plant", ["root link", "session link", "open"])
def test_a_folder_that_is_not_ours_alone_is_refused(home: Path, plant: str) -> None:
    real = home / "real"
    real.mkdir(mode=0o700)
    if plant == "root link":
        (home / "seeds").symlink_to(real)
    else:
        (home / "seeds").mkdir(mode=0o700)
        if plant == "open":
            (home / f"seeds/{ID}").mkdir()
            (home / f"seeds/{ID}").chmod(0o777)
        else:
            (home / f"seeds/{ID}").symlink_to(real)
    with pytest.raises(NotOurs):
        SeedBox(home).put(ID, "x")
    assert os.listdir(real) == [] and SeedBox(home).sessions() == []


def test_the_end_of_a_turn_is_waited_for_anew_each_time_and_not_for_ever(tmp_path: Path) -> None:
    box = SeedBox(tmp_path)
    box.await_end("s1")
    (tmp_path / "seeds/s1" / AWAITED).rename(tmp_path / "seeds/s1" / ENDED)
    box.await_end("s1")
    assert not box.has_ended("s1"), "that was said of an earlier turn"
    now = time.time()
    box.clear(now)
    assert box.sessions() == ["s1"]
    box.clear(now + LONGEST_TURN + 60.0)
    assert box.sessions() == []
