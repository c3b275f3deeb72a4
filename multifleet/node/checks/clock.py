"""Do the clocks of the fleet agree, and was this machine's own clock stepped under the daemon.

Messages are delivered all the same: each node learns how far the others are off. But people read the times, and
`expires` is judged by them.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from multifleet.core.replay import CUT_OFF, LOOSE, OFFSET_ANSWER_LIMIT, Offset
from multifleet.errors import StoreDamaged, StoreUnavailable
from multifleet.node.checks.finding import Finding, Level, fail, of_error, ok, together, warn
from multifleet.store.inspection import STORE, read_contents

if TYPE_CHECKING:
    from pathlib import Path

NAMED = 2.0
"""Seconds of skew that are named, where the answer that told it was quick enough to tell so little."""
CERTAIN = OFFSET_ANSWER_LIMIT
"""Seconds of skew that no slow answer can feign."""
SHORT = CUT_OFF / 2
"""Seconds by which a peer's time is short on average."""
assert CERTAIN > LOOSE
_SET = "set {} clock: timedatectl set-ntp true (Linux), sntp -sS time.apple.com (macOS)"
RESTART = "multifleet down, then multifleet up"
_MINE = _SET.format("this machine's")


def agreeing(offsets: Mapping[str, Offset | None], wall: float, now: float) -> Finding:
    """`offsets`: the peers' clocks minus the node's own, where known; `wall`: the machine's clock; `now`: the node's.

    The two differ where the machine's clock was set while the node ran: that one never goes back, nor jumps.
    """
    step = wall - now
    known = {node: offset.seconds + SHORT for node, offset in offsets.items() if offset is not None}
    stepped = abs(step) > CERTAIN
    if stepped and known and all(abs(offset - step) <= CERTAIN for offset in known.values()):
        return _set_right(step)
    if stepped and all(abs(offset) <= CERTAIN for offset in known.values()):
        return _set_wrong(step)
    bounds = {node: offset.bound for node, offset in offsets.items() if offset is not None}
    findings = [_peer(node, offset - step, bounds[node]) for node, offset in known.items()]
    own = _set_wrong(step) if stepped else ok("this machine's clock goes evenly")
    return together([own, *_blame_self(findings, [offset - step for offset in known.values()])])


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


def _set_wrong(step: float) -> Finding:
    if step < 0:
        return fail(f"this machine's clock was set {_span(-step)} back: multifleet goes on from where it was", _MINE)
    return fail(
        f"this machine's clock was set {_span(step)} ahead since multifleet started, which still has the old time",
        f"if the machine's time is right now: {RESTART}; if not: {_MINE}",
    )


def _set_right(step: float) -> Finding:
    """The machine agrees with its peers again, and the node does not yet."""
    if step < 0:
        return warn(
            f"this machine's clock is right, and multifleet is {_span(-step)} ahead of it: it was set back",
            f"nothing: multifleet never goes back, the two meet in {_span(-step)}",
        )
    return warn(f"this machine's clock is right, and multifleet is {_span(step)} behind: it was set ahead", RESTART)


def _peer(node: str, offset: float, bound: float) -> Finding:
    if abs(offset) <= max(NAMED, bound):
        return ok(f"{node}'s clock agrees")
    says = f"{node}'s clock is {_span(abs(offset))} {'ahead' if offset > 0 else 'behind'}"
    remedy = _SET.format(f"{node}'s")
    return fail(says, remedy) if abs(offset) > CERTAIN else warn(says, remedy)


def _blame_self(findings: list[Finding], offsets: Sequence[float]) -> list[Finding]:
    """Where all others agree with each other and not with us, the fault is here."""
    off = [finding for finding in findings if finding.level is not Level.OK]
    if len(offsets) < 2 or len(off) < len(offsets) or max(offsets) - min(offsets) > NAMED:
        return findings
    return [Finding(finding.level, finding.says, f"all others agree: {_MINE}") for finding in findings]


def _span(seconds: float) -> str:
    return f"{seconds:.0f} s"
