"""F8: two sides that went on writing to each other while they were apart. The five minutes are in bin/chaos."""

import pytest

from tests.lab.fleet import Fleet
from tests.lab.scenarios import apart

pytestmark = pytest.mark.lab


@pytest.mark.slow
def test_f8_all_arrives_once_and_oldest_first_and_without_a_herd(fleet: Fleet) -> None:
    outcome = apart(fleet, seconds=20.0, each_way=500)  # by then retries have backed off as far as they do
    print(outcome.figures)
    assert not outcome.broken
