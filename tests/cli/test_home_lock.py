"""Who waits for a home is told at once when it is let go, and not before."""

import os
from pathlib import Path

import pytest

from multifleet.cli.home_lock import is_coming_up, is_held, let_go, make_known, until_let_go
from multifleet.store.lock import HomeLock


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MULTIFLEET_HOME", str(tmp_path))
    return tmp_path


def test_a_home_is_free_once_its_holder_has_let_it_go(home: Path) -> None:
    held = HomeLock.acquire(home, port=1)
    free = let_go()
    assert is_held() and not free.wait(0.01)
    held.release()
    assert free.wait(5) and not is_held()
    HomeLock.acquire(home, port=1).release()  # who has waited holds nothing


def test_a_home_that_nobody_ever_held_is_free(home: Path) -> None:
    until_let_go()
    assert let_go().wait(5) and not is_held()


def test_one_at_a_time_makes_known_that_a_daemon_comes_up_and_holds_no_home_by_that(home: Path) -> None:
    assert not is_coming_up()
    known = make_known(20)
    assert known is not None and is_coming_up() and not is_held()
    assert make_known(0.0) is None
    HomeLock.acquire(home, port=1).release()
    os.close(known)


def test_who_did_not_wait_to_make_it_known_does_not_make_it_known_later(home: Path) -> None:
    first = make_known(20)
    assert first is not None and make_known(0.0) is None
    os.close(first)
    second = make_known(20)
    assert second is not None
    os.close(second)


def test_a_home_that_is_a_file_is_held_by_nobody(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (home / "file").touch()
    monkeypatch.setenv("MULTIFLEET_HOME", str(home / "file"))
    assert not is_held() and not is_coming_up()
