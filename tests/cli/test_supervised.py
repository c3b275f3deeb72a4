"""`up --supervised`, with real daemons."""

import asyncio
import fcntl
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from multifleet import running
from multifleet.cli import supervised
from multifleet.cli.shape import Failed
from tests.surfaces import Ran, run_cli


async def run(home: Path, *words: str) -> Ran:
    return await run_cli(home, *words, cwd=home.parent, HOME=str(home.parent))


def another(home: Path, than: int) -> int:
    """The pid of the next daemon that has come up."""
    until = time.monotonic() + 20
    while (left := running.left_by(str(home))) is None or left.pid == than:
        assert time.monotonic() < until
        time.sleep(0.05)
    return left.pid


def supervisor_has_ended(home: Path) -> None:
    """Returns once it has let its lock go."""
    with (home / "supervisor").open("rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_SH)


async def test_a_killed_daemon_is_started_again_and_one_that_is_stopped_ends_both(tmp_path: Path) -> None:
    home = tmp_path / "home"
    await run(home, "init", "--node", "mac1")
    up = (await run(home, "up", "--supervised", "--port", "0", "--bind", "127.0.0.1", "--json")).json
    try:
        assert supervised.is_supervised(str(home))
        with pytest.raises(Failed, match="already"):
            supervised.supervise([], {}, str(home))
        os.kill(up["pid"], signal.SIGKILL)
        again = await asyncio.to_thread(another, home, up["pid"])
        assert (await run(home, "status", "--json")).json["pid"] == again
    finally:
        await run(home, "down")
    async with asyncio.timeout(30):
        await asyncio.to_thread(supervisor_has_ended, home)
    assert (await run(home, "health")).status == 1


def test_a_daemon_that_does_not_answer_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MULTIFLEET_HOME", str(tmp_path))
    monkeypatch.setattr(supervised, "LOOK", 0.02)
    frozen = subprocess.Popen(["sleep", "600"])
    assert supervised._watch(frozen) == -signal.SIGKILL


def test_a_daemon_that_has_ended_is_known_by_its_status(tmp_path: Path) -> None:
    assert supervised._watch(subprocess.Popen(["sh", "-c", "exit 3"])) == 3
