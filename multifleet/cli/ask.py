"""The general command: one question to the daemon, its answer printed."""

import json
import sys

from multifleet.cli.arguments import Value
from multifleet.cli.author import quiet_values
from multifleet.cli.daemon import TIMEOUT, ask
from multifleet.cli.reader import for_reader
from multifleet.cli.shape import Command


def run(name: str, command: Command, values: dict[str, Value], as_json: bool) -> int:
    """Ask and print; exit status 0."""
    waits = next((field.default for field in command.fields if field.name == "timeout"), "")
    patience = TIMEOUT + float(values.get("timeout", waits or 0.0))  # type: ignore[arg-type]
    show(name, ask(command, quiet_values(command.quiet) | values, patience), as_json)
    return 0


def show(name: str, answer: bytes, as_json: bool) -> None:
    """Print a result as it came, or for people."""
    if not as_json:
        say(name, json.loads(answer))
    elif sys.stdout.isatty():  # escapes all but ASCII, so that a peer's text cannot steer the terminal
        print(json.dumps(json.loads(answer), indent=2))
    else:
        sys.stdout.buffer.write(answer + b"\n")


def as_line(result: dict[str, object]) -> str:
    """A result as JSON on one line and without spaces, as the daemon writes it."""
    return json.dumps(result, separators=(",", ":"))


def say(name: str, result: dict[str, object]) -> None:
    """Print a result for people."""
    from multifleet.cli.render import render

    sys.stdout.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    text = render(name, result)
    sys.stdout.write(text if name == "read" else for_reader(text))  # that one has a fence, which would be broken, too
