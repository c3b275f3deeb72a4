"""`repair`: asks the daemon to climb the ladder; with --local, mends this machine's own daemon, with or without one."""

from multifleet.cli.arguments import Value
from multifleet.cli.ask import as_line, show
from multifleet.cli.daemon import ask
from multifleet.cli.shape import Command, UsageError

PATIENCE = 120.0
"""Seconds; a rung may take that long, and the ladder goes on whether somebody waits for it or not."""


def run(name: str, command: Command, values: dict[str, Value], as_json: bool) -> int:
    """Exit status 0; Failed carries the reason."""
    local = values.pop("local", None)
    if local is None:
        show(name, ask(command, values, timeout=PATIENCE), as_json)
        return 0
    if values.get("node") or values.get("level"):
        raise UsageError("--local is about this machine: it takes no node and no level")
    from multifleet.cli.local_repair import repair

    made = repair(str(local))
    print(as_line({"acted": made.acted, "detail": made.words}) if as_json else made.words)
    return 0
