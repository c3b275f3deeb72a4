"""Waits for a message to come to a state; the daemon holds the question until something happens."""

import json
from collections.abc import Callable
from typing import Any

from multifleet.cli.commands import COMMANDS
from multifleet.cli.daemon import ask
from multifleet.cli.live import LiveLine

_TICK = 1.0
_GRACE = 10.0

Trace = dict[str, Any]


def follow(id: str, wait: str | None, timeout: float, tell: Callable[[Trace], None] | None = None) -> Trace:
    """The message's trace once it is in the state, can no longer get there, or the time is up.

    `tell` is called with every trace that has news, the first one included.
    """
    with LiveLine() as line:
        trace: Trace = {"events": []}
        while True:
            left = max(0.0, timeout - line.elapsed)
            step = min(left, _TICK) if line.on else min(left, 3000.0)
            trace, before = _ask(id, wait, step, len(trace["events"]), bool(tell or line.on)), trace
            if tell and (trace["events"] != before["events"]):
                line.wipe()
                tell(trace)
            if trace["ended"] or trace.get("reached") or line.elapsed >= timeout:
                return trace
            line.show(_sentence(trace, wait))


def exit_status(trace: Trace) -> int:
    """0 where the state was reached, 1 where it cannot be any more, 3 where it may be yet."""
    if trace.get("reached"):
        return 0
    return 1 if trace["ended"] else 3


def _ask(id: str, wait: str | None, timeout: float, known: int, with_news: bool) -> Trace:
    values: dict[str, Any] = {"id": id, "timeout": timeout}
    if wait:
        values["wait"] = wait
    if with_news or not wait:
        values["known"] = known
    answer = ask(COMMANDS["trace"], values, timeout + _GRACE)
    found: Trace = json.loads(answer)
    return found


def _sentence(trace: Trace, wait: str | None) -> str:
    reason = f" ({trace['reason']})" if trace.get("reason") else ""
    aim = f", waiting for {wait}" if wait else ""
    return f"{trace['to']}: {trace['state']}{reason}{aim}"
