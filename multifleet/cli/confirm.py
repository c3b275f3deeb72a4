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
    node = str(values.get("node", ""))
    key = _key(node) if node else ""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise Failed("nothing undoes this, and without a terminal nobody can be asked: add --yes; nothing was done")
    asked = command.asks.format(node=_inert(node), key=key)
    sys.stderr.write(f"{asked} [y/N] ")
    sys.stderr.flush()
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise Failed("nothing was done")


def _key(node: str) -> str:
    """Whose key it is, where a daemon can tell; Failed where it tells that there is nobody to be put out."""
    from multifleet.cli.commands import COMMANDS
    from multifleet.cli.daemon import ask
    from multifleet.core.whom import ITSELF, is_key, nobody

    try:
        roster = json.loads(ask(COMMANDS["roster"], {}, PATIENCE))
    except Failed:
        return ""
    names, out = {one["node"]: one for one in roster["members"]}, roster["out"]
    # Who is out itself may find its name with another machine, and put that one out.
    me = "" if any(one["node"] == roster["node"] for one in out) else roster["node"]
    member = names.get(node) or next((one for one in names.values() if _is_of(one["key"], node)), None)
    if member is None:
        if is_key(node) or any(one["node"] == node or _is_of(one["key"], node) for one in out):
            return ""
        raise Failed(nobody(_inert(node)))
    if member["node"] == me:
        raise Failed(ITSELF)
    return f" (key {_inert(member['key'])})" if member["node"] == node else f" ({_inert(member['node'])})"


def _is_of(beginning: str, digits: str) -> bool:
    """Whether these are digits of a key of which a roster shows the beginning; a user may have the whole one."""
    return beginning.startswith(digits) or digits.startswith(beginning)


def _inert(text: str) -> str:
    from multifleet.core.visible import visible

    return visible(text, one_line=True)
