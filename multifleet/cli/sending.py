"""`send` and `reply`: hand a message over, with --as-me signed, and with --wait follow it."""

import json
import sys

from multifleet.cli.arguments import Value
from multifleet.cli.ask import show
from multifleet.cli.author import quiet_values
from multifleet.cli.daemon import ask
from multifleet.cli.reader import for_reader
from multifleet.cli.shape import Command, UsageError


def run(name: str, command: Command, values: dict[str, Value], as_json: bool) -> int:
    """Exit status: 0 accepted, or in the state that was waited for; 3 not there yet."""
    wait, timeout = values.pop("wait", None), values.pop("timeout", None)
    if timeout is not None and wait is None:
        raise UsageError("--timeout goes with --wait STATE")
    if values.pop("as_me", False):
        from multifleet.cli import as_me

        values = as_me.signed_reply(values) if name == "reply" else as_me.signed(values)
    answer = ask(command, quiet_values(command.quiet) | values)
    if wait is None:
        if as_json:
            show(name, answer, as_json)
        else:
            accepted = json.loads(answer)
            print(accepted["id"], accepted["state"], *map(for_reader, _because(accepted)))
            if sys.stderr.isatty():
                sys.stdout.flush()
                print(f"follow it: multifleet trace {accepted['id']}", file=sys.stderr)
        return 0
    from multifleet.cli.waiting import wait_for

    return wait_for(name, json.loads(answer), str(wait), timeout, as_json)


def _because(accepted: dict[str, str | None]) -> tuple[str, ...]:
    if not accepted.get("reason"):
        return ()
    from multifleet.core.visible import visible

    return ("(" + visible(str(accepted["reason"]), one_line=True) + ")",)
