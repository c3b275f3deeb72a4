"""What the door counts and logs."""

import logging

import pytest

from multifleet.api.reports import Reports
from multifleet.node.counters import LINES, WINDOW, Counters


def test_a_flood_is_counted_in_full_and_logged_in_part(caplog: pytest.LogCaptureFixture) -> None:
    now = 100.0
    counters = Counters(lambda: now)
    reports = Reports(counters)
    with caplog.at_level(logging.WARNING):
        for _ in range(500):
            reports.refused("head_late", "192.0.2.1", 408)
        assert (counters.snapshot(), len(caplog.records)) == ({"http_head_late": 500}, LINES)
        now += WINDOW
        reports.refused("head_late", "192.0.2.1", 408)
    assert f"unlogged_before={500 - LINES}" in caplog.messages[-1]


def test_one_name_does_not_use_up_the_lines_of_another(caplog: pytest.LogCaptureFixture) -> None:
    reports = Reports(Counters(lambda: 0.0))
    with caplog.at_level(logging.WARNING):
        for _ in range(50):
            reports.refused("head_late", "192.0.2.1")
        reports.refused("not_owner", "192.0.2.1", 401)
    assert caplog.messages[-1] == "http_not_owner remote=192.0.2.1 status=401"


def test_a_bug_is_told_by_kind_and_place_without_its_message(caplog: pytest.LogCaptureFixture) -> None:
    counters = Counters(lambda: 0.0)
    with caplog.at_level(logging.WARNING):
        try:
            raise KeyError("canary")
        except KeyError as error:
            Reports(counters).broke("POST_/note", error)
    assert "error=KeyError at=test_reports.py:" in caplog.text
    assert "canary" not in caplog.text
