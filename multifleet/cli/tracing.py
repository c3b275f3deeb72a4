"""`trace`: a message's way, once or while it goes on."""

import json
import sys

from multifleet.cli.arguments import Value
from multifleet.cli.ask import say, show
from multifleet.cli.daemon import ask
from multifleet.cli.following import Trace, exit_status, follow
from multifleet.cli.reader import for_reader
from multifleet.cli.render import trace_events, trace_title
from multifleet.cli.shape import DEFAULT_TIMEOUT, Command, Failed, UsageError

A_LONG_TIME = 30 * 86_400.0


def run(name: str, command: Command, values: dict[str, Value], as_json: bool) -> int:
    """Exit status: 0, or 3 where the time was up before the state of --wait, or with --watch the last step."""
    watch, verify = values.pop("watch", False), values.get("verify", False)
    wait, timeout = values.pop("wait", None), values.pop("timeout", None)
    if timeout is not None and not (wait or watch):
        raise UsageError("--timeout goes with --wait STATE or --watch")
    status = 0
    if wait or watch:
        seconds = float(str(timeout)) if timeout is not None else DEFAULT_TIMEOUT if wait else A_LONG_TIME
        tell = None if as_json or not watch else _Teller()
        trace = follow(str(values["id"]), None if wait is None else str(wait), seconds, tell)
        status = exit_status(trace) if wait else 0 if trace["ended"] else 3
        if tell and not verify:
            return status
    answer = ask(command, values)
    trace = json.loads(answer)
    if as_json:
        show(name, answer, True)
    else:
        say(name, trace)
    bad = [event for event in trace["events"] if event["verified"] is False]
    if bad:
        raise Failed(f"{len(bad)} of {len(trace['events'])} events have a bad signature: somebody changed the store")
    if status == 1:
        raise Failed(f"the message is {trace['state']}; it will not be {wait}")
    return status


class _Teller:
    """Prints each event once, in the order in which they become known."""

    def __init__(self) -> None:
        self._told: set[str] = set()

    def __call__(self, trace: Trace) -> None:
        if not self._told:
            sys.stdout.write(for_reader(trace_title(trace)))
        lines = trace_events(trace)
        sys.stdout.write(for_reader("".join(line for line in lines if line not in self._told)))
        sys.stdout.flush()
        self._told.update(lines)
