"""Which clock is off, and by how much."""

import pytest

from multifleet.core.replay import LOOSE, Offset
from multifleet.node.checks import clock
from multifleet.node.checks.finding import Finding, Level

NOW = 1_800_000_000.0

OFFSETS: list[tuple[dict[str, float | None], Level, str]] = [
    ({}, Level.OK, ""),
    ({"mac2": None}, Level.OK, ""),
    ({"mac2": 0.2}, Level.OK, "mac2's clock agrees"),
    ({"mac2": 3.0}, Level.WARN, "mac2's clock is 4 s ahead"),
    ({"mac2": 599.7}, Level.FAIL, "mac2's clock is 600 s ahead"),
    ({"mac2": -600.4}, Level.FAIL, "mac2's clock is 600 s behind"),
    ({"mac2": 599.7, "mac3": 0.0}, Level.FAIL, "mac2's clock is 600 s ahead"),
    ({"mac2": 599.7, "mac3": -30.4}, Level.FAIL, "mac2's clock is 600 s ahead; mac3's clock is 30 s behind"),
]


def agreeing(offsets: dict[str, float | None], wall: float, now: float) -> Finding:
    """Of offsets that quick answers told."""
    return clock.agreeing(
        {node: Offset(ahead, 1.0) if ahead is not None else None for node, ahead in offsets.items()}, wall, now
    )


@pytest.mark.parametrize(("offsets", "level", "says"), OFFSETS)
def test_a_peer_whose_clock_is_off_is_named(offsets: dict[str, float | None], level: Level, says: str) -> None:
    found = agreeing(offsets, NOW, NOW)
    assert found.level is level
    assert says in found.says
    assert (found.remedy is not None) == (level is not Level.OK)


def test_where_all_others_agree_the_clock_to_set_is_this_one() -> None:
    remedy = agreeing({"mac2": 599.7, "mac3": 600.1}, NOW, NOW).remedy
    assert remedy is not None and "this machine's clock" in remedy
    remedy = agreeing({"mac2": 599.7, "mac3": 0.1}, NOW, NOW).remedy
    assert remedy is not None and "mac2's clock" in remedy


@pytest.mark.parametrize(("step", "says"), [(-3600.0, "set 3600 s back"), (3600.0, "set 3600 s ahead")])
def test_a_step_of_the_own_clock_is_told_with_the_direction(step: float, says: str) -> None:
    found = agreeing({}, NOW + step, NOW)
    assert found.level is Level.FAIL
    assert says in found.says


def test_what_a_slow_answer_may_feign_is_no_fault() -> None:
    assert agreeing({"mac2": 4.0}, NOW, NOW).level is Level.WARN
    assert agreeing({}, NOW + 4.0, NOW).level is Level.OK
    assert clock.agreeing({"mac2": Offset(2.9, LOOSE)}, NOW, NOW).level is Level.OK
    assert clock.agreeing({"mac2": Offset(2.9, 1.2)}, NOW, NOW).level is Level.WARN


def test_a_clock_that_was_set_right_again_is_known_by_the_peers_and_no_fault() -> None:
    back = agreeing({"mac2": -600.5}, NOW - 600, NOW)
    assert (back.level, "multifleet is 600 s ahead" in back.says) == (Level.WARN, True)
    ahead = agreeing({"mac2": 599.5, "mac3": 600.0}, NOW + 600, NOW)
    assert (ahead.level, ahead.remedy) == (Level.WARN, "multifleet down, then multifleet up")


def test_a_clock_that_was_set_wrong_is_known_by_the_peers_and_they_are_not_blamed() -> None:
    found = agreeing({"mac2": -0.5, "mac3": 0.0}, NOW - 3600, NOW)
    assert found.level is Level.FAIL
    assert found.says == "this machine's clock was set 3600 s back: multifleet goes on from where it was"


def test_a_step_and_a_peer_that_is_off_are_both_told() -> None:
    found = agreeing({"mac2": 99.5, "mac3": -0.5}, NOW - 3600, NOW)
    assert "set 3600 s back" in found.says
    assert "mac2's clock is 3700 s ahead" in found.says
