"""What in a home others could use, or planted."""

import os
from pathlib import Path

import pytest

from multifleet.node.checks.finding import Level
from multifleet.node.checks.modes import private


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """As init and a first start leave it."""
    home = tmp_path / "home"
    for folder in (home, home / "keys", home / "drop", home / "seeds", home / "seeds" / "s1", home / "logs"):
        folder.mkdir(mode=0o700)
    for file in ("config.json", "store.db", "keys/identity.json", "seeds/s1/next", "logs/daemon.log"):
        (home / file).touch(mode=0o600)
    return home


def test_a_private_home_is_well(home: Path) -> None:
    assert private(home).level is Level.OK


def test_what_its_user_keeps_beside_is_his_own(home: Path) -> None:
    (home / "notes.txt").touch(mode=0o644)
    (home / "notes.txt").chmod(0o644)
    assert private(home).level is Level.OK


@pytest.mark.parametrize(
    "name",
    ["", "keys", "keys/identity.json", "config.json", "store.db", "seeds/s1", "seeds/s1/next", "logs/daemon.log"],
)
def test_each_bit_for_others_is_told_with_the_command_that_takes_it_away(home: Path, name: str) -> None:
    path = home / name
    path.chmod(path.stat().st_mode | 0o004)
    found = private(home)
    assert found.level is Level.FAIL
    assert str(path) in found.says
    assert found.remedy == f"chmod {'700' if path.is_dir() else '600'} {path}"


def test_another_users_file_is_told(home: Path) -> None:
    if os.geteuid() == 0:
        os.chown(home / "store.db", 12345, 12345)
        found = private(home)
        assert found.level is Level.FAIL
        assert "belongs to user 12345" in found.says


def test_a_link_is_told_and_not_followed_but_for_what_users_keep_elsewhere(home: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere.json"
    elsewhere.touch(mode=0o600)
    (home / "config.json").unlink()
    (home / "config.json").symlink_to(elsewhere)
    assert private(home).level is Level.OK
    elsewhere.chmod(0o644)
    assert private(home).level is Level.FAIL
    elsewhere.chmod(0o600)
    (home / "drop" / "x.frame").symlink_to(elsewhere)
    found = private(home)
    assert found.level is Level.FAIL
    assert "is a link" in found.says


def test_a_great_many_faults_are_one_short_line(home: Path) -> None:
    for number in range(50):
        (home / "drop" / f"{number}.frame").touch(mode=0o644)
        (home / "drop" / f"{number}.frame").chmod(0o644)
    found = private(home)
    assert "and 47 more" in found.says
    assert len(found.says) < 1000


def test_a_home_that_is_not_there_follows_from_the_missing_keys(tmp_path: Path) -> None:
    found = private(tmp_path / "none")
    assert found.level is Level.FAIL
    assert "keys" in found.follows
