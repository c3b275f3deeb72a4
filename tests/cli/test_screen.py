"""A picture that is drawn over and over: on a terminal in place, elsewhere block by block."""

import io
import os
import pty
import signal
import sys
import termios
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from multifleet.cli.screen import Screen


@contextmanager
def terminal(monkeypatch: pytest.MonkeyPatch, columns: int, lines: int) -> Iterator[int]:
    """Standard output is a terminal of this size; what it shows is read from the other end."""
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (lines, columns))
    with os.fdopen(theirs, "w") as stream, monkeypatch.context() as patched:
        patched.setattr(sys, "stdout", stream)
        yield ours
    os.close(ours)


def read(terminal: int, until: bytes) -> str:
    seen = b""
    while not seen.endswith(until):
        seen += os.read(terminal, 4096)
    return seen.decode()


def test_a_terminal_gets_its_own_screen_back(monkeypatch: pytest.MonkeyPatch) -> None:
    before = signal.getsignal(signal.SIGTERM)
    with terminal(monkeypatch, 20, 5) as seen:
        with Screen() as screen:
            screen.draw("one\ntwo\n")
            screen.draw("one\n")
        shown = read(seen, b"\x1b[?1049l")
    assert signal.getsignal(signal.SIGTERM) == before
    assert shown.startswith("\x1b[?1049h\x1b[?25l\x1b[H\x1b[Hone\x1b[K\r\ntwo\x1b[J\x1b[Hone\x1b[J")
    assert shown.endswith("\x1b[?25h\x1b[?1049l")


def test_the_terminal_comes_back_however_it_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    with terminal(monkeypatch, 20, 5) as seen:
        with pytest.raises(SystemExit) as ended, Screen() as screen:
            screen.draw("one\n")
            signal.raise_signal(signal.SIGTERM)
        assert ended.value.code == 143
        assert read(seen, b"\x1b[?1049l")


def test_what_does_not_fit_the_window_is_cut_and_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    with terminal(monkeypatch, 12, 3) as seen:
        with Screen() as screen:
            screen.draw("a very long line\n" * 5)
        shown = read(seen, b"\x1b[?1049l")
    assert shown.count("a very long\u2026\x1b[K\r\n") == 2
    assert "\u2026 3 more li\u2026\x1b[J" in shown


def test_without_a_terminal_each_new_picture_is_a_block(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stdout", stream)
    with Screen() as screen:
        for text in ("one\ntwo\n", "one\ntwo\n", "three\nfour\n"):
            screen.draw(text)
    assert stream.getvalue() == "one\ntwo\n\nthree\nfour\n"


def test_without_a_terminal_a_line_for_a_status_bar_is_only_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stdout", stream)
    with Screen() as screen:
        screen.draw("one\n")
        screen.draw("two\n")
    assert stream.getvalue() == "one\ntwo\n"
