"""F14: wires that lose, delay and double what they carry. Ten minutes of it, to the last message, are in bin/chaos."""

from collections.abc import Iterator

import pytest

from tests.lab.fleet import Fleet
from tests.lab.members import wait_met
from tests.lab.scenarios import bad_wires

pytestmark = [pytest.mark.lab, pytest.mark.beside_one]


@pytest.fixture
def three() -> Iterator[Fleet]:
    with Fleet(["mac1", "mac2", "mac3"]) as fleet:
        yield fleet.found()
        fleet.check()


@pytest.mark.slow
def test_f14_a_thousand_messages_are_a_thousand_rows_and_nobody_is_declared_dead(three: Fleet) -> None:
    wait_met(three.nodes)
    outcome = bad_wires(three, seconds=30.0, messages=1_000)
    print(outcome.figures)
    assert not outcome.broken
