"""`doctor`: its exit status follows its checks."""

from multifleet.operations.views import CheckView
from tests.surfaces import Surfaces


async def test_a_check_that_fails_is_named_with_its_remedy(surfaces: Surfaces) -> None:
    surfaces.node.checks = [
        CheckView("daemon", True, "ok", "it answers"),
        CheckView("clock", False, "fail", "600 s ahead of mac2", "set the clock: timedatectl set-ntp true"),
        CheckView("hooks", False, "warn", "not installed", "claude plugin install multifleet"),
    ]
    ran = await surfaces.cli("doctor")
    assert ran.status == 1
    assert "-> set the clock: timedatectl set-ntp true" in ran.out
    assert ran.err.startswith("multifleet doctor: clock: ")


async def test_one_check_can_be_asked_for(surfaces: Surfaces) -> None:
    ran = await surfaces.cli("doctor", "clock", "--json")
    assert (ran.status, ran.json["ok"]) == (0, True)
    assert surfaces.node.asked == [("doctor", ["clock"])]
