import os
import subprocess
import sys
from pathlib import Path

import pytest

from multifleet.errors import AlreadyRunning
from multifleet.store.lock import HomeLock, holder

HOLD = """
import sys
from pathlib import Path
from multifleet.store.lock import HomeLock
port = None if sys.argv[2] == "-" else int(sys.argv[2])
lock = HomeLock.acquire(Path(sys.argv[1]), port=port)
print("held", flush=True)
sys.stdin.readline()
"""


def hold(home: Path, port: str) -> "subprocess.Popen[str]":
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(home), port],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def end(process: "subprocess.Popen[str]") -> None:
    process.kill()
    process.communicate()


def test_a_second_daemon_is_refused_at_once_and_told_of_the_first(tmp_path: Path) -> None:
    first = hold(tmp_path, "8855")
    try:
        with pytest.raises(AlreadyRunning, match=rf"pid {first.pid}, port 8855.*multifleet down"):
            HomeLock.acquire(tmp_path, port=8856, wait=60.0)
        found = holder(tmp_path)
        assert found is not None
        assert (found.pid, found.port) == (first.pid, 8855)
    finally:
        end(first)


def test_the_lock_of_a_killed_daemon_is_free(tmp_path: Path) -> None:
    end(hold(tmp_path, "8855"))
    assert holder(tmp_path) is None
    HomeLock.acquire(tmp_path, port=8855, wait=0.0).release()


def test_a_short_command_is_waited_for(tmp_path: Path) -> None:
    command = hold(tmp_path, "-")
    with pytest.raises(AlreadyRunning, match=f"process {command.pid} is writing"):
        HomeLock.acquire(tmp_path, port=8855, wait=0.05)
    assert command.stdin is not None
    command.stdin.write("\n")
    command.stdin.flush()
    HomeLock.acquire(tmp_path, port=8855, wait=30.0).release()
    end(command)


def test_one_process_cannot_hold_a_home_twice(tmp_path: Path) -> None:
    lock = HomeLock.acquire(tmp_path, port=1)
    with pytest.raises(AlreadyRunning):
        HomeLock.acquire(tmp_path, port=2)
    lock.release()
    assert (tmp_path / "lock").read_bytes() == b""
    lock.release()
    HomeLock.acquire(tmp_path, port=2).release()


def test_the_port_can_be_told_later_and_the_file_is_private(tmp_path: Path) -> None:
    lock = HomeLock.acquire(tmp_path)
    lock.announce(4711)
    found = holder(tmp_path)
    assert found is not None
    assert (found.pid, found.port) == (os.getpid(), 4711)
    assert (tmp_path / "lock").stat().st_mode & 0o777 == 0o600
    lock.release()


def test_nonsense_in_the_file_refuses_nobody(tmp_path: Path) -> None:
    (tmp_path / "lock").write_text('{"pid": "x"')
    HomeLock.acquire(tmp_path, port=1).release()
    (tmp_path / "lock").write_text("[]")
    HomeLock.acquire(tmp_path, port=1).release()


def test_a_home_that_was_never_used_has_no_holder(tmp_path: Path) -> None:
    assert holder(tmp_path) is None
