"""Do the clocks of the fleet agree, and was this machine's own clock stepped under the daemon.

Messages are delivered all the same: each node learns how far the others are off. But people read the times, and
`expires` is judged by them.
"""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from multifleet.core.replay import OFFSET_ANSWER_LIMIT
from multifleet.errors import StoreDamaged, StoreUnavailable
from multifleet.node.checks.finding import Finding, Level, fail, of_error, ok, together, warn
from multifleet.store.inspection import STORE, read_contents

if TYPE_CHECKING:
    from pathlib import Path

NAMED = 2.0
"""Seconds of skew that are named."""
CERTAIN = OFFSET_ANSWER_LIMIT
"""Seconds of skew that no slow answer can feign."""
CUT_OFF = 0.5
"""Seconds by which a peer's time is short on average, because it comes in whole seconds."""
_SET = "set {} clock: timedatectl set-ntp true (Linux), sntp -sS time.apple.com (macOS)"
_MINE = _SET.format("this machine's")


def agreeing(offsets: Mapping[str, float | None], wall: float, now: float) -> Finding:
    """`offsets` are the peers' clocks minus ours where known, `wall` is the machine's clock, `now` the node's own."""
    findings = [_peer(node, offset) for node, offset in offsets.items() if offset is not None]
    findings = [_own(wall - now), *(_blame_self(findings, offsets.values()))]
    return together(findings)


def since_last_run(home: "Path", wall: float, key: str) -> Finding:
    """Where no daemon runs: the machine's clock against the node's as it was last stored, under `key`."""
    if not (home / STORE).exists():
        return ok("nothing to compare this machine's clock with yet")
    try:
        last = float(read_contents(home / STORE).meta.get(key, 0.0))
    except (StoreUnavailable, StoreDamaged) as error:
        return of_error(error, "store", "disk")
    if last - wall > CERTAIN:
        return fail(f"this machine's clock is {_span(last - wall)} behind where it was when the daemon ran", _MINE)
    return ok("this machine's clock has gone on since the daemon ran; the peers' were not asked")


def _own(step: float) -> Finding:
    if step < -CERTAIN:
        return fail(
            f"this machine's clock was set {_span(-step)} back: multifleet goes on from where it was",
            _MINE,
        )
    if step > CERTAIN:
        return fail(
            f"this machine's clock was set {_span(step)} ahead since multifleet started, which still has the old time",
            "if the machine's time is right now: multifleet down, then multifleet up",
        )
    return ok("this machine's clock goes evenly")


def _peer(node: str, learned: float) -> Finding:
    offset = learned + CUT_OFF
    if abs(offset) <= NAMED:
        return ok(f"{node}'s clock agrees")
    says = f"{node}'s clock is {_span(abs(offset))} {'ahead' if offset > 0 else 'behind'}"
    remedy = _SET.format(f"{node}'s")
    return fail(says, remedy) if abs(offset) > CERTAIN else warn(says, remedy)


def _blame_self(findings: list[Finding], offsets: Iterable[float | None]) -> list[Finding]:
    """Where all others agree with each other and not with us, the fault is here."""
    known = [offset for offset in offsets if offset is not None]
    off = [finding for finding in findings if finding.level is not Level.OK]
    if len(known) < 2 or len(off) < len(known) or max(known) - min(known) > NAMED:
        return findings
    return [Finding(finding.level, finding.says, f"all others agree: {_MINE}") for finding in findings]


def _span(seconds: float) -> str:
    return f"{seconds:.0f} s"
