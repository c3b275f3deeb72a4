"""`wake`: whether a machine is awake now, and what was tried for it."""

import json

from multifleet.cli.arguments import Value
from multifleet.cli.ask import show
from multifleet.cli.daemon import ask
from multifleet.cli.shape import Command


def run(name: str, command: Command, values: dict[str, Value], as_json: bool) -> int:
    """Exit status: 0 it is awake, 3 that is not known."""
    answer = ask(command, values)
    show(name, answer, as_json)
    return 0 if json.loads(answer)["awake"] else 3
