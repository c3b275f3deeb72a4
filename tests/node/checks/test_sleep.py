"""What the doctor says of sleep: a system that announces none is no fault, a logind that refuses is worth knowing."""

import pytest

from multifleet.node.checks.finding import Level
from multifleet.node.checks.sleep import announced
from multifleet.node.counters import Counters
from multifleet.node.sleep.sleep import Sleep


async def _tell() -> None:
    return


def sleep(*, by_logind: bool = True, announces: bool = False, problem: str | None = None) -> Sleep:
    made = Sleep(_tell, lambda slept: None, Counters(), by_logind=by_logind)
    made.logind.announces, made.logind.problem = announces, problem
    return made


@pytest.mark.parametrize(
    ("found", "counted", "level", "says"),
    [
        (sleep(announces=True), {}, Level.OK, "logind announces a sleep"),
        (sleep(announces=True), {"slept": 3}, Level.OK, "slept 3 times"),
        (sleep(announces=True), {"slept": 3, "sleep_announced_late": 1}, Level.WARN, "before all were told"),
        (sleep(), {}, Level.OK, "no logind here"),
        (sleep(by_logind=False), {}, Level.OK, "this system announces no sleep"),
        (sleep(problem="org.freedesktop.DBus.Error.AccessDenied"), {}, Level.WARN, "AccessDenied"),
    ],
)
def test_it_says_whether_the_others_are_told(found: Sleep, counted: dict[str, int], level: Level, says: str) -> None:
    finding = announced(found, counted)
    assert finding.level is level and says in finding.says
    assert (finding.remedy is not None) == (level is Level.WARN)
