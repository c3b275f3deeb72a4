"""What is said of a daemon that gave up: its own last words, with what they tell to do as the remedy."""

import socket
from pathlib import Path

import pytest

from multifleet.node.checks import daemon, mdns, sleep
from multifleet.paths import socket_path
from multifleet.store.lock import HomeLock


def test_the_remedy_of_the_last_words_comes_before_the_next_start(tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "daemon.log").write_text("multifleet: $KEY names another fleet: unset it\n")
    found = daemon.from_outside(tmp_path)
    assert found.says == "no daemon runs; the last one ended: $KEY names another fleet"
    assert found.remedy == "unset it, then multifleet up"


def test_without_last_words_it_only_has_to_be_started(tmp_path: Path) -> None:
    assert daemon.from_outside(tmp_path).remedy == "multifleet up"


def test_one_that_does_not_answer_is_mended_in_one_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(daemon, "ANSWER_SECONDS", 0.05)
    lock = HomeLock.acquire(tmp_path, port=1)
    with socket.socket(socket.AF_UNIX) as frozen:
        frozen.bind(str(socket_path(tmp_path)))
        frozen.listen()
        found = daemon.from_outside(tmp_path)
    lock.release()
    assert "does not answer" in found.says and (found.remedy or "").startswith("multifleet repair --local daemon")


def test_what_was_not_asked_without_an_answer_does_not_say_that_no_daemon_runs() -> None:
    assert "no daemon answers" in mdns.NOT_ASKED.says and "no daemon answers" in sleep.NOT_ASKED.says
