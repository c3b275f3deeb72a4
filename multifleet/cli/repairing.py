"""`repair`: asks the daemon to climb the ladder; with --local, mends this machine's own daemon, with or without one."""

import json
import os
import sys

from multifleet.cli.arguments import Value
from multifleet.cli.ask import as_line, show
from multifleet.cli.daemon import ask
from multifleet.cli.receive import HOME_LINE, HOME_LINE_LIMIT, in_its_home
from multifleet.cli.shape import Command, Failed, UsageError

PATIENCE = 120.0
"""Seconds; a rung may take that long, and the ladder goes on whether somebody waits for it or not."""


def run(name: str, command: Command, values: dict[str, Value], as_json: bool) -> int:
    """Exit status 0, or 1 where what was asked for was refused; Failed carries the reason."""
    local, by = values.pop("local", None), values.pop("by", None)
    if local is None:
        answer = ask(command, values, timeout=PATIENCE)
        show(name, answer, as_json)
        return 1 if json.loads(answer)["refused"] else 0
    if values.get("node") or values.get("level"):
        raise UsageError("--local is about this machine: it takes no node and no level")
    if by == "ssh":
        _go_home(sys.stdin.buffer.readline(HOME_LINE_LIMIT))
    from multifleet.cli.local_repair import repair

    made = repair(str(local))
    print(as_line({"acted": made.acted, "detail": made.words}) if as_json else made.words)
    return 0


def _go_home(line: bytes) -> None:
    """The home is meant that is named, unless this login's user has named another; no other node's is repaired."""
    in_its_home(line)
    told = os.fsdecode(line.removeprefix(HOME_LINE).rstrip(b"\n"))
    if told and not os.environ.get("MULTIFLEET_HOME"):
        raise Failed(f"{told} is no home of a node of this login's user: log in as the user whose daemon it is")
