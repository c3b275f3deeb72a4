"""How long a daemon is waited for: a frozen one is told soon, and a slow one has its time."""

import json
import os
import socket
import socketserver
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from multifleet.cli import daemon, home_lock
from multifleet.cli.commands import COMMANDS
from multifleet.cli.daemon import Frozen, OnItsWay, ask
from multifleet.cli.shape import NotRunning
from multifleet.store.lock import HomeLock

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


@contextmanager
def asking_while_it_is_held(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[HomeLock, Future[bytes]]]:
    """A command that found a daemon which holds its home, and does not listen."""
    looked, is_held = threading.Event(), home_lock.is_held

    def looks() -> bool:
        looked.set()
        return is_held()

    monkeypatch.setattr(home_lock, "is_held", looks)
    held = HomeLock.acquire(home, port=1)
    with ThreadPoolExecutor(1) as pool:
        asking = pool.submit(ask, COMMANDS["send"], {"to": "mac2", "body": "hi"})
        try:
            assert looked.wait(20)
            yield held, asking
        finally:
            held.release()


def test_a_daemon_that_is_on_its_way_up_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with asking_while_it_is_held(tmp_path, monkeypatch) as (_, asking), slow_daemon(tmp_path) as asked:
        assert asking.result(20) == b"{}"
    assert asked == [b"POST /message HTTP/1.1"]


def test_one_that_is_being_started_and_holds_nothing_yet_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked, is_coming_up = threading.Event(), home_lock.is_coming_up

    def looks() -> bool:
        looked.set()
        return is_coming_up()

    monkeypatch.setattr(home_lock, "is_coming_up", looks)
    known = home_lock.make_known(20)
    assert known is not None
    try:
        with ThreadPoolExecutor(1) as pool:
            asking = pool.submit(ask, COMMANDS["send"], {"to": "mac2", "body": "hi"})
            assert looked.wait(20)
            with slow_daemon(tmp_path):
                assert asking.result(20) == b"{}"
    finally:
        os.close(known)


def test_one_that_was_on_its_way_down_does_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with asking_while_it_is_held(tmp_path, monkeypatch) as (held, asking):
        held.release()
        with pytest.raises(NotRunning, match="is no node yet"):
            asking.result(20)


def test_one_that_never_listens_is_told_for_what_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(daemon, "COMES_IN", 0.0)
    with asking_while_it_is_held(tmp_path, monkeypatch) as (_, asking):
        with pytest.raises(NotRunning, match=f"pid {os.getpid()}.* on its way up, or down, and does not listen yet"):
            asking.result(20)


def exchanges(monkeypatch: pytest.MonkeyPatch, until_it_listens: int) -> list[float]:
    """How long each exchange may take, with a daemon that listens after so many of them."""
    had: list[float] = []

    def exchange(request: bytes, timeout: float, soon: float) -> tuple[int, bytes]:
        had.append(timeout)
        if len(had) <= until_it_listens:
            raise NotRunning("nobody listens")
        return 200, b"{}"

    monkeypatch.setattr(daemon, "exchange", exchange)
    return had


def test_who_does_not_wait_is_told_at_once_of_one_that_is_on_its_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    had = exchanges(monkeypatch, 1)
    held = HomeLock.acquire(tmp_path, port=1)
    with pytest.raises(OnItsWay):
        ask(COMMANDS["status"], {}, 60.0, waits=False)
    held.release()
    assert had == [60.0]


@pytest.mark.parametrize("at_once", [False, True])
def test_who_wants_to_be_answered_soon_has_what_the_wait_left_of_its_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at_once: bool
) -> None:
    monkeypatch.setattr(daemon, "SOON", 100.0 if at_once else 0.1)
    monkeypatch.setattr(daemon, "COMES_IN", 60.0)
    had = exchanges(monkeypatch, 1)
    held = HomeLock.acquire(tmp_path, port=1)
    assert ask(COMMANDS["send"], {"to": "mac2", "body": "hi"}, 90.0) == b"{}"
    held.release()
    first, second = had
    assert first == 90.0 and (second < 60.0 if at_once else second == 90.0)


def test_a_short_command_that_holds_the_home_is_no_daemon(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(daemon, "COMES_IN", 0.0)
    held = HomeLock.acquire(tmp_path)
    with pytest.raises(NotRunning, match="is no node yet"):
        ask(COMMANDS["send"], {"to": "mac2", "body": "hi"})
    held.release()
