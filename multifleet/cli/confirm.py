"""Asks before a command is done that nothing undoes; without a terminal it is done with --yes only."""

import json
import sys

from multifleet.cli.arguments import Value
from multifleet.cli.shape import Command, Failed

PATIENCE = 3.0
"""Seconds for the daemon to say whose key it is."""


def confirm(command: Command, values: dict[str, Value]) -> None:
    """Returns where it is to be done; else Failed says why not. Takes --yes out of the values."""
    if values.pop("yes", False):
        return
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise Failed("nothing undoes this, and without a terminal nobody can be asked: add --yes; nothing was done")
    node = str(values.get("node", ""))
    asked = command.asks.format(node=_inert(node), key=_key(node) if node else "")
    sys.stderr.write(f"{asked} [y/N] ")
    sys.stderr.flush()
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise Failed("nothing was done")


def _key(node: str) -> str:
    """Whose key it is, where a daemon can tell."""
    from multifleet.cli.commands import COMMANDS
    from multifleet.cli.daemon import ask

    try:
        roster = json.loads(ask(COMMANDS["roster"], {}, PATIENCE))
    except Failed:
        return ""
    for member in roster["members"]:
        if member["node"] == node:
            return f" (key {_inert(member['key'])})"
        if member["key"].startswith(node):
            return f" ({_inert(member['node'])})"
    return ""


def _inert(text: str) -> str:
    from multifleet.core.visible import visible

    return visible(text, one_line=True)
