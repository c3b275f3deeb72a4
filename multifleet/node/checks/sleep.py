"""Are the other members told when this machine goes to sleep, or do they see it afterwards."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from multifleet.node.checks.finding import Finding, ok, warn

if TYPE_CHECKING:
    from multifleet.node.sleep.sleep import Sleep

NOT_ASKED = ok("not asked: no daemon answers that would be told of it")
_AFTERWARDS = "a sleep is noticed by the clocks once this machine wakes; until then the others call it dead"


def announced(sleep: "Sleep", counted: Mapping[str, int]) -> Finding:
    """`counted`: the node's counters."""
    times = counted.get("slept", 0)
    slept = f"; slept {times} times since the daemon started" if times else ""
    if not sleep.by_logind:
        return ok(f"this system announces no sleep: {_AFTERWARDS}{slept}")
    if sleep.logind.announces:
        late = counted.get("sleep_announced_late", 0)
        if late:
            return warn(
                f"the machine slept {late} times before all were told",
                "nothing, unless it goes on: the others then call it dead until it wakes",
            )
        return ok(f"logind announces a sleep, and waits until the others were told{slept}")
    if sleep.logind.problem is not None:
        return warn(
            f"logind does not let this node wait for it ({sleep.logind.problem}): {_AFTERWARDS}",
            "let this user take delay locks (polkit: org.freedesktop.login1.inhibit-delay-sleep)",
        )
    return ok(f"no logind here: {_AFTERWARDS}{slept}")
