"""The second half of `send --wait STATE`: follows the accepted message, then says how far it came."""

from typing import Any

from multifleet.cli.arguments import Value
from multifleet.cli.ask import as_line, say, show
from multifleet.cli.following import Trace, exit_status, follow
from multifleet.cli.shape import DEFAULT_TIMEOUT, Failed


def wait_for(name: str, accepted: dict[str, Any], wait: str, timeout: Value | None, as_json: bool) -> int:
    """Exit status: 0 in the state, 3 not there yet; Failed where it cannot get there any more."""
    trace = follow(accepted["id"], wait, DEFAULT_TIMEOUT if timeout is None else float(str(timeout)))
    if as_json:
        now = {"state": trace["state"], "reason": trace.get("reason"), "events": trace["events"]}
        show(name, as_line(accepted | now).encode(), True)
    else:
        say("trace", trace)
    status = exit_status(trace)
    if status == 1:
        raise Failed(f"{accepted['id']} is {trace['state']}{_why(trace)}; it will not be {wait}")
    return status


def _why(trace: Trace) -> str:
    told = [event["detail"] for event in trace["events"] if event["detail"]]
    reason = trace.get("reason") or (told[-1] if told else "")
    return f": {reason}" if reason else ""
