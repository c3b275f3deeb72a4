"""What is wrong with a peer is named, and what is called proved is so: every cause for real, in three topologies."""

import pytest

from multifleet.core.diagnosis.causes import Cause, Confidence
from tests.lab.why_causes import Cell, run_all, table
from tests.lab.why_lab import TOPOLOGIES

pytestmark = [pytest.mark.lab, pytest.mark.system_bus, pytest.mark.timeout(300)]

C = Cause
LISTED = frozenset(
    {
        C.DAEMON_DOWN,
        C.ASLEEP,
        C.ADDRESS_CHANGED,
        C.PORT_BLOCKED,
        C.MTU_BLACK_HOLE,
        C.KEY_CHANGED,
        C.REVOKED,
        C.CLOCK_OFF,
        C.DISK_FULL,
        C.NATS_DOWN,
        C.CHIEF_DOWN,
        C.HOST_KEY_CHANGED,
        C.VERSION_MISMATCH,
    }
)
"""The causes that a person is promised."""
ALWAYS_PROVED = frozenset({C.MTU_BLACK_HOLE, C.REVOKED, C.CLOCK_OFF, C.DISK_FULL, C.HOST_KEY_CHANGED})
"""Where whoever has the fault says so itself, or this node meets it."""


@pytest.fixture(scope="module")
def cells() -> list[Cell]:
    found = run_all()
    print(table(found))
    return found


def test_every_cause_was_made_in_each_of_three_topologies(cells: list[Cell]) -> None:
    made = [(cell.topology, cell.cause) for cell in cells if cell.cause is not C.NONE]
    assert len(made) == len(set(made)) == 3 * len(LISTED) == 39
    assert {cause for _, cause in made} == LISTED


def test_nothing_is_called_proved_that_is_not_so(cells: list[Cell]) -> None:
    false = [cell for cell in cells if cell.is_false]
    assert not false, table(false)


def test_nine_of_ten_are_named(cells: list[Cell]) -> None:
    faults = [cell for cell in cells if cell.cause is not C.NONE]
    unnamed = [cell for cell in faults if not cell.is_named]
    assert len(unnamed) <= len(faults) // 10, table(unnamed)


def test_where_nothing_is_wrong_nothing_is_named(cells: list[Cell]) -> None:
    wrong = [cell for cell in cells if cell.cause is C.NONE and cell.told not in cell.truths]
    assert not wrong, table(wrong)


def test_what_whoever_has_it_says_itself_is_proved(cells: list[Cell]) -> None:
    two, three, sites = (topology.name for topology in TOPOLOGIES)
    proved = {(cell.topology, cell.cause) for cell in cells if cell.confidence is Confidence.PROVED}
    assert {(two, cause) for cause in ALWAYS_PROVED | {C.PORT_BLOCKED, C.DAEMON_DOWN}} <= proved, table(cells)
    assert {(three, cause) for cause in ALWAYS_PROVED} <= proved, table(cells)
    assert {(sites, cause) for cause in ALWAYS_PROVED - {C.REVOKED} | {C.PORT_BLOCKED}} <= proved, table(cells)


def test_a_daemon_that_is_down_is_proved_only_where_the_machine_can_be_logged_in_to(cells: list[Cell]) -> None:
    down = {cell.topology: cell for cell in cells if cell.cause is C.DAEMON_DOWN}
    two, three, _ = (down[topology.name] for topology in TOPOLOGIES)
    assert "daemon down (proved)" in two.shown
    assert "no daemon runs there" in two.shown and "multifleet up" in two.shown
    assert (two.ways["http"], two.ways["ssh"]) == ("fails", "answers")
    assert three.confidence is Confidence.LIKELY
