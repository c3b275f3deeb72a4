"""What the daemon's process takes of its machine."""

import asyncio
import os
import threading
import time
from pathlib import Path

import pytest

from multifleet import daemon
from multifleet.daemon import COMMANDS_SECONDS, THREADS, start_threads
from multifleet.node.offline import offline_init
from tests.held_home import held_home


async def test_it_has_all_its_threads_from_the_start_whatever_comes_at_once() -> None:
    before = threading.active_count()
    start_threads()
    assert threading.active_count() == before + THREADS
    await asyncio.gather(*(asyncio.to_thread(time.sleep, 0.001) for _ in range(10 * THREADS)))
    assert threading.active_count() == before + THREADS


def test_it_waits_for_frames_that_are_being_taken_while_none_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    home = tmp_path / "home"
    offline_init(home, "mac1")
    with held_home(home, monkeypatch) as passing:
        assert daemon.run(home, 0, []) == 1
    assert f"process {os.getpid()} is writing to" in capsys.readouterr().err
    assert COMMANDS_SECONDS <= passing.now < COMMANDS_SECONDS + 1
