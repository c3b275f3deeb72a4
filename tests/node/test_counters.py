"""Every failure is counted; a flood of one is logged in part, each in one inert line."""

import logging

import pytest

from multifleet.node.counters import LINES, Counters


def test_a_flood_is_counted_in_full_and_logged_in_part(caplog: pytest.LogCaptureFixture) -> None:
    now = [0.0]
    counters = Counters(lambda: now[0])
    with caplog.at_level(logging.WARNING, "multifleet"):
        for _ in range(1_000):
            counters.failed("frame_refused", sender="?")
        counters.failed("another", sender="?")
        now[0] = 11.0
        counters.failed("frame_refused", sender="?")
    assert counters.snapshot() == {"another": 1, "frame_refused": 1_001}
    lines = [record.message for record in caplog.records]
    assert len(lines) == LINES + 2
    assert lines[-1] == f"frame_refused sender=? unlogged_before={1_000 - LINES}"


@pytest.mark.parametrize("value", ["a\nb", "\x1b[31mred", "\u202eevil", "a b", "é", "x" * 10_000, "<script>"])
def test_a_line_is_one_inert_line_whatever_it_tells(value: str, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "multifleet"):
        Counters().failed("strange", reason=value, peer="mac2")
    [line] = [record.message for record in caplog.records]
    assert line.isascii() and line.isprintable() and len(line) < 1_700
    assert line.endswith("peer=mac2")


def test_ordinary_things_are_counted_and_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    counters = Counters()
    with caplog.at_level(logging.DEBUG):
        counters.count("messages_received", 3)
        counters.count("messages_received")
    assert counters.snapshot() == {"messages_received": 4}
    assert not caplog.records
