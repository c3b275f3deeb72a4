"""Who has a port."""

import os
import socket
import subprocess
import sys

from multifleet.node.checks.listeners import who_listens


def test_a_program_of_ours_is_named_for_tcp_and_udp() -> None:
    with socket.create_server(("127.0.0.1", 0)) as tcp:
        (found,) = who_listens(tcp.getsockname()[1])
    assert found.pid == os.getpid()
    assert f"(pid {os.getpid()})" in str(found)
    with socket.socket(type=socket.SOCK_DGRAM) as udp:
        udp.bind(("127.0.0.1", 0))
        (found,) = who_listens(udp.getsockname()[1])
    assert found.pid == os.getpid()


def test_a_port_that_is_only_called_from_has_no_listener() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        with socket.create_connection(server.getsockname()) as caller:
            assert who_listens(caller.getsockname()[1]) == []


def test_another_node_of_ours_is_called_so_and_not_after_what_runs_it() -> None:
    listen = "import socket, sys; s = socket.create_server(('127.0.0.1', 0)); print(s.getsockname()[1], flush=True);"
    words = [sys.executable, "-c", f"{listen} sys.stdin.read()", "multifleet"]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as program:
        assert program.stdin is not None and program.stdout is not None
        (found,) = who_listens(int(program.stdout.readline()))
        program.stdin.close()
    assert str(found) == f"multifleet (pid {program.pid})"
