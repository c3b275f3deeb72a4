"""`status` and `peers`: the picture of the fleet, once or while it changes, and its short forms for status bars."""

import json
import sys
import time

from multifleet.cli.arguments import Value
from multifleet.cli.daemon import Frozen, OnItsWay, ask
from multifleet.cli.reader import for_reader
from multifleet.cli.shape import Command, Failed, NotRunning, UsageError

REDRAWN = 2.0
"""Seconds after which the picture is drawn anew although nothing happened: the times in it go on."""
APART = 0.2
"""Seconds between two pictures at the least, however much happens."""
PATIENCE = 2.0
"""Seconds that a status bar waits for a daemon."""
_GRACE = 10.0

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def run(name: str, command: Command, values: dict[str, Value], as_json: bool) -> int:
    """Exit status 0; of --line 1 where no daemon answers; of --dot what the dot means."""
    forms = [form for form in ("line", "dot") if values.pop(form, False)]
    form = "json" if as_json else forms[0] if forms else "table"
    if len(forms) + as_json > 1:
        raise UsageError("--line, --dot and --json are three forms of the same: choose one")
    if values.pop("watch", False):
        return _watch(name, command, values, form)
    if form in ("line", "dot"):
        text, status = _short(command, values, form)
        _write(text)
        return status
    from multifleet.cli.ask import show

    answer = ask(command, values)
    if as_json:
        show(name, answer, True)
    else:
        _write(_text(name, values, json.loads(answer)))
    return 0


def _short(command: Command, values: dict[str, Value], form: str) -> tuple[str, int]:
    """The line or the dot, and its exit status."""
    from multifleet.cli import fleet_line

    try:
        found = json.loads(ask(command, values, PATIENCE, waits=False))
    except Failed as error:
        if form == "dot":
            return _dot(fleet_line.FAULT)
        return fleet_line.line_without_daemon(_reason(error)) + "\n", 1
    return _dot(fleet_line.dot(found)) if form == "dot" else (fleet_line.line(found, time.time()) + "\n", 0)


def _dot(mark: str) -> tuple[str, int]:
    from os import environ

    from multifleet.cli.fleet_line import COLOURS, DOT_STATUS

    coloured = sys.stdout.isatty() and not environ.get("NO_COLOR")
    return (f"{COLOURS[mark]}{mark}\x1b[0m\n" if coloured else mark + "\n"), DOT_STATUS[mark]


def _reason(error: Failed) -> str:
    if isinstance(error, OnItsWay):
        return "the daemon is on its way up, or down"
    if isinstance(error, NotRunning):
        return "no daemon runs: multifleet up"
    return "the daemon does not answer: multifleet doctor" if isinstance(error, Frozen) else str(error)


def _text(name: str, values: dict[str, Value], found: "dict[str, Any]") -> str:
    if "node" in values:
        from multifleet.cli.render_members import member_details

        return "\n".join(map(member_details, found["peers"]))
    from multifleet.cli.render import render

    return render(name, found)


def _write(text: str) -> None:
    sys.stdout.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    sys.stdout.write(for_reader(text))


def _watch(name: str, command: Command, values: dict[str, Value], form: str) -> int:
    """Draws until it is interrupted; exit status 0. A status bar may be there before the daemon is."""
    from multifleet.cli.screen import Screen

    sys.stdout.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    is_bar = form in ("line", "dot")
    found = _ask(command, values, {}, waits=not is_bar)
    if "down" in found and not is_bar:
        raise found["down"]
    try:
        with Screen() as screen:
            while True:
                screen.draw(_form(name, values, form, found))
                time.sleep(REDRAWN if "down" in found else APART)
                found = _ask(command, values, found)
    except KeyboardInterrupt:
        return 0


def _ask(
    command: Command, values: dict[str, Value], before: "dict[str, Any]", *, waits: bool = False
) -> "dict[str, Any]":
    """What is so after the next change, or after a while; without a daemon why there is none."""
    known = {"known": before["revision"], "timeout": REDRAWN - APART} if "revision" in before else {}
    try:
        answer: dict[str, Any] = json.loads(ask(command, values | known, REDRAWN + _GRACE, waits=waits))
    except Failed as error:
        return {"down": error}
    return answer


def _form(name: str, values: dict[str, Value], form: str, found: "dict[str, Any]") -> str:
    from multifleet.cli import fleet_line

    if "down" in found:
        reason = _reason(found["down"])
        return {
            "line": fleet_line.line_without_daemon(reason) + "\n",
            "dot": _dot(fleet_line.FAULT)[0],
            "json": "",
        }.get(form, f"DOWN: {reason}\n")
    if form == "json":
        return json.dumps(found, separators=(",", ":")) + "\n"
    if form == "line":
        return fleet_line.line(found, time.time()) + "\n"
    return _dot(fleet_line.dot(found))[0] if form == "dot" else _text(name, values, found)
