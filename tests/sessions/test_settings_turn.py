"""Two that want to write into clients' settings do so one after the other."""

import fcntl
import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from multifleet.sessions.settings_turn import NAME, turn


def _is_taken(folder: Path) -> bool:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def _linked(folder: Path) -> Path:
    """The same settings, as another user of them may name them."""
    (folder / "git").mkdir()
    (folder / "git/settings.json").write_text("{}")
    (folder / ".claude").mkdir()
    (folder / ".claude/settings.json").symlink_to(folder / "git/settings.json")
    return folder / ".claude/settings.json"


@pytest.mark.parametrize(
    "other",
    [
        lambda folder: (folder / "home", folder / ".codex/hooks.json"),
        lambda folder: (folder / "second", folder / ".claude/settings.json"),
        lambda folder: (folder / "second", folder / "git/settings.json"),
        lambda folder: (folder / "none", folder / "git/settings.json"),
    ],
    ids=["of one home", "of two homes", "by a link", "without a node"],
)
def test_the_second_one_begins_when_the_first_one_has_ended(
    tmp_path: Path, other: Callable[[Path], tuple[Path, Path]]
) -> None:
    done: list[str] = []
    begun = threading.Event()
    settings = _linked(tmp_path)
    for name in ("home", "second"):
        (tmp_path / name).mkdir()

    def second() -> None:
        begun.set()
        with turn(*other(tmp_path)):
            done.append("second")

    with turn(tmp_path / "home", settings):
        waits = threading.Thread(target=second)
        waits.start()
        begun.wait()
        for _ in range(9):
            os.sched_yield()
        done.append("first")
    waits.join()
    assert done == ["first", "second"]
    assert (tmp_path / "home" / NAME).stat().st_mode & 0o777 == 0o600
    assert sorted(one.name for one in (tmp_path / "git").iterdir()) == ["settings.json"]


def test_without_a_node_and_without_a_client_nothing_is_made(tmp_path: Path) -> None:
    with turn(tmp_path / "none", tmp_path / ".claude/settings.json"):
        assert list(tmp_path.iterdir()) == [] and _is_taken(tmp_path)
    assert not _is_taken(tmp_path)


def test_a_file_system_that_locks_no_folder_keeps_nobody_from_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuses(descriptor: int, how: int) -> None:
        raise OSError("Bad file descriptor")

    monkeypatch.setattr(fcntl, "flock", refuses)
    with turn(tmp_path / "none", tmp_path / ".claude/settings.json"):
        assert list(tmp_path.iterdir()) == []
