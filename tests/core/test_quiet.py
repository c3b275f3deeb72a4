"""Until when a seat is left alone, in a person's words."""

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from multifleet.core.quiet import LONGEST, passes, quiet_until

NOW = datetime(2026, 11, 21, 17, 5, 30)  # noqa: DTZ001  a machine's own time of day has no zone


@pytest.mark.parametrize(
    ("words", "moment"),
    [
        ("90s", NOW + timedelta(seconds=90)),
        ("30m", NOW + timedelta(minutes=30)),
        (" 30 min ", NOW + timedelta(minutes=30)),
        ("2h", NOW + timedelta(hours=2)),
        ("1d", NOW + timedelta(days=1)),
        ("18:30", NOW.replace(hour=18, minute=30, second=0)),
        ("8:00", (NOW + timedelta(days=1)).replace(hour=8, minute=0, second=0)),
        ("17:05", (NOW + timedelta(days=1)).replace(second=0)),
        ("2026-11-30 08:00", datetime(2026, 11, 30, 8)),  # noqa: DTZ001
        ("2026-11-30", datetime(2026, 11, 30)),  # noqa: DTZ001
    ],
)
def test_a_time_to_come_is_understood(words: str, moment: datetime) -> None:
    assert quiet_until(words, NOW) == moment


@pytest.mark.parametrize(
    "words",
    ["", "soon", "-1h", "0m", "25:00", "12:60", "999999d", "2026-11-20", "2031-01-01", "2026-11-30T08:00+02:00", "1w"],
)
def test_what_is_no_time_to_come_is_refused(words: str) -> None:
    with pytest.raises(ValueError):
        quiet_until(words, NOW)


@given(st.text(max_size=40))
def test_any_words_mean_a_time_to_come_or_nothing(words: str) -> None:
    try:
        moment = quiet_until(words, NOW)
    except (ValueError, OverflowError):
        return
    assert NOW < moment <= NOW + LONGEST


def test_alerts_pass_and_nothing_else_does() -> None:
    assert passes("alert") and not any(passes(type) for type in ("context", "task", "reply", "broadcast", "sync"))
