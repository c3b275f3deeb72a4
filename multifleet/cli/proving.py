"""`verify`: whose words a message is; the exit status says whether a person's signature proves it."""

import json

from multifleet.cli.arguments import Value
from multifleet.cli.ask import show
from multifleet.cli.daemon import ask
from multifleet.cli.shape import Command

NOT_PROVED = 1


def run(name: str, command: Command, values: dict[str, Value], as_json: bool) -> int:
    """Exit status 0 where a person whom this user allows has signed it, else 1; the answer says why."""
    answer = ask(command, values)
    show(name, answer, as_json)
    return 0 if json.loads(answer)["proved"] else NOT_PROVED
