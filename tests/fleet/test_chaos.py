"""Everything at random for two minutes, as bin/chaos does for as long as one likes."""

from pathlib import Path

import pytest

from tests.lab.chaos import random_faults

SEED = 11
"""The same faults in every run; other seeds are for bin/chaos."""
SECONDS, RATE = 120.0, 13.0


@pytest.mark.lab
@pytest.mark.timeout(420)
def test_whatever_fails_for_two_minutes_a_thousand_messages_arrive_once_and_nobody_is_told_a_lie(
    tmp_path: Path,
) -> None:
    outcome = random_faults(SEED, SECONDS, tmp_path / "history.jsonl", rate=RATE)
    assert outcome.broken == [], outcome.figures
    assert int(str(outcome.figures["messages accepted"])) >= 1_000, outcome.figures
