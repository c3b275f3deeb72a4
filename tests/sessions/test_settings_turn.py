"""Two that want to write into clients' settings do so one after the other."""

import os
import threading
from pathlib import Path

from multifleet.sessions.settings_turn import NAME, turn


def test_the_second_one_begins_when_the_first_one_has_ended(tmp_path: Path) -> None:
    done: list[str] = []
    begun = threading.Event()

    def second() -> None:
        begun.set()
        with turn(tmp_path):
            done.append("second")

    with turn(tmp_path):
        other = threading.Thread(target=second)
        other.start()
        begun.wait()
        for _ in range(9):
            os.sched_yield()
        done.append("first")
    other.join()
    assert done == ["first", "second"]
    assert (tmp_path / NAME).stat().st_mode & 0o777 == 0o600


def test_without_a_node_nothing_is_made(tmp_path: Path) -> None:
    with turn(tmp_path / "none"):
        assert not (tmp_path / "none").exists()
