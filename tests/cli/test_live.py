"""The live line on a terminal, and its absence elsewhere."""

import io
import os
import pty
import sys

import pytest

from multifleet.cli.live import LiveLine


def test_there_is_no_live_line_without_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    with LiveLine() as line:
        line.show("waiting")
    assert stream.getvalue() == ""


def test_the_seconds_stand_also_where_the_text_is_too_long(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = Terminal()
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setattr(LiveLine, "_width", lambda line: 30)
    with LiveLine() as line:
        line.show("mac2/api: queued (nobody is there), waiting for stored")
    assert stream.getvalue().split("\x1b[2K")[1].rstrip("\r") == "mac2/api: queued (nobody\u2026  0 s"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_sees_one_line_that_is_wiped_at_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    ours, theirs = pty.openpty()
    with os.fdopen(theirs, "w") as terminal, os.fdopen(ours, "rb", buffering=0) as seen:
        monkeypatch.setattr(sys, "stderr", terminal)
        with LiveLine() as line:
            line.show("mac2: queued \x1b[2J")
        expected = b"\r\x1b[2Kmac2: queued \\u{1b}[2J  0 s\r\x1b[2K"
        shown = b""
        while len(shown) < len(expected):  # a terminal may hand out less at a time
            shown += seen.read(4096)
        assert shown == expected
