"""Counting always, logging while there are few."""

from multifleet.api.reports import LINES, WINDOW, Reports


class Counts:
    def __init__(self) -> None:
        self.counted = 0
        self.logged: list[dict[str, object]] = []

    def count(self, name: str, by: int = 1) -> None:
        self.counted += by

    def failed(self, name: str, **facts: object) -> None:
        self.counted += 1
        self.logged.append({"name": name, **facts})


def test_a_flood_is_counted_in_full_and_logged_in_part() -> None:
    counts, now = Counts(), 100.0
    reports = Reports(counts, lambda: now)
    for _ in range(500):
        reports.refused("head_late", "10.0.0.1", 408)
    assert (counts.counted, len(counts.logged)) == (500, LINES)
    now += WINDOW
    reports.refused("head_late", "10.0.0.1", 408)
    assert counts.logged[-1]["unlogged_before"] == 500 - LINES


def test_one_name_does_not_use_up_the_lines_of_another() -> None:
    counts = Counts()
    reports = Reports(counts, lambda: 0.0)
    for _ in range(50):
        reports.refused("head_late", "10.0.0.1")
    reports.refused("not_owner", "10.0.0.1", 401)
    assert counts.logged[-1] == {"name": "http_not_owner", "remote": "10.0.0.1", "status": 401}


def test_a_bug_is_told_by_kind_and_place_without_its_message() -> None:
    counts = Counts()
    try:
        raise KeyError("canary")
    except KeyError as error:
        Reports(counts, lambda: 0.0).broke("POST /note", error)
    (line,) = counts.logged
    assert line["error"] == "KeyError" and str(line["at"]).startswith("test_reports.py:")
    assert "canary" not in str(line)
