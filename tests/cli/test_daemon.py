"""How long a daemon is waited for: a frozen one is told soon, and a slow one has its time."""

import json
import socket
import socketserver
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from multifleet.cli import daemon
from multifleet.cli.commands import COMMANDS
from multifleet.cli.daemon import Frozen, ask

HAS = daemon.SOON + daemon.SHORT
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
SLOW = 0.4


@contextmanager
def slow_daemon(home: Path, quick: bytes = b"nothing") -> Iterator[list[bytes]]:
    """Answers after a while, but what holds `quick` at once; what it was asked, by the first line of each request."""
    asked: list[bytes] = []

    class Taking(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            line = self.rfile.readline().strip()
            asked.append(line)
            while self.rfile.readline().strip():
                pass
            if quick not in line:
                time.sleep(SLOW)
            self.wfile.write(ANSWER)

    with socketserver.ThreadingUnixStreamServer(str(home / "socket"), Taking) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield asked
        server.shutdown()
        thread.join()


WHAT_TO_DO = (
    "does not answer: try again.*`multifleet repair --local daemon`.*by hand: `kill -9 4711`, then `multifleet up`"
)


@pytest.fixture(autouse=True)
def at_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MULTIFLEET_HOME", str(tmp_path))
    monkeypatch.setattr(daemon, "SOON", 0.1)
    monkeypatch.setattr(daemon, "SHORT", 0.1)
    (tmp_path / "lock").write_text(json.dumps({"pid": 4711, "port": 1, "started": 0}))


def test_a_question_has_two_seconds_with_a_daemon_that_is_frozen() -> None:
    assert HAS <= 2.0 < daemon.TIMEOUT


@pytest.mark.parametrize("name", ["status", "peers", "inbox", "roster"])
def test_a_frozen_daemon_is_told_soon_with_what_to_do(tmp_path: Path, name: str) -> None:
    with socket.socket(socket.AF_UNIX) as frozen:
        frozen.bind(str(tmp_path / "socket"))
        frozen.listen()
        begun = time.monotonic()
        with pytest.raises(Frozen, match=WHAT_TO_DO):
            ask(COMMANDS[name], {})
        assert time.monotonic() - begun < 1


def test_a_daemon_that_is_only_slow_has_its_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(daemon, "SHORT", 10.0)  # the machine may be as busy as it likes
    with slow_daemon(tmp_path, b"/health") as asked:
        assert ask(COMMANDS["status"], {}) == b"{}"
    assert asked == [b"GET /status HTTP/1.1", b"GET /health HTTP/1.1"]


def test_what_changes_something_is_waited_for_without_a_second_question(tmp_path: Path) -> None:
    with slow_daemon(tmp_path) as asked:
        assert ask(COMMANDS["send"], {"to": "mac2", "body": "hi"}) == b"{}"
    assert asked == [b"POST /message HTTP/1.1"]
