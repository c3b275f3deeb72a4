"""The kernel's word on processes and on who is at the other end."""

import os
import socket
import subprocess
import sys
from pathlib import Path

from multifleet.sessions.processes import Credentials, credentials, owner_of, pid_domain, started_at


def test_a_running_process_has_a_start_that_stays() -> None:
    start = started_at(os.getpid())
    assert start and start.isdigit() and started_at(os.getpid()) == start
    assert owner_of(os.getpid()) == os.getuid()


def test_a_process_that_ended_has_none_even_before_it_is_reaped() -> None:
    child = subprocess.Popen([sys.executable, "-c", ""], stdout=subprocess.PIPE)
    assert child.stdout is not None
    assert child.stdout.read() == b""
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert started_at(child.pid) is None
    child.wait()
    child.stdout.close()
    assert started_at(child.pid) is None and owner_of(child.pid) is None


def test_a_number_that_is_no_pid_has_none() -> None:
    assert [started_at(pid) for pid in (0, -1, 2**40)] == [None, None, None]


def test_the_set_of_process_ids_is_named_as_the_client_does() -> None:
    domain = pid_domain()
    assert domain and domain.startswith("linux:") and domain.endswith(os.readlink("/proc/self/ns/pid"))


def test_the_other_end_is_who_connected_and_who_listens(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener, socket.socket(socket.AF_UNIX) as client:
        listener.bind(str(tmp_path / "s"))
        listener.listen()
        client.connect(str(tmp_path / "s"))
        accepted, _ = listener.accept()
        with accepted:
            us = Credentials(os.getpid(), os.getuid())
            assert credentials(accepted) == us and credentials(client) == us
    assert credentials(client) is None
