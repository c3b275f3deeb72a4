"""`ack`: whether the recipient has signed that it has a message on disk."""

import json

from multifleet.cli.arguments import Value
from multifleet.cli.ask import show
from multifleet.cli.daemon import ask
from multifleet.cli.shape import Command, Failed

ENDED = ("refused", "expired", "undeliverable")


def run(name: str, command: Command, values: dict[str, Value], as_json: bool) -> int:
    """Exit status: 0 it has, 3 not yet; Failed where it never will."""
    answer = ask(command, values)
    show(name, answer, as_json)
    ack = json.loads(answer)
    if ack["acked"]:
        return 0
    if ack["state"] in ENDED:
        raise Failed(f"the message is {ack['state']}; it will not be acknowledged: multifleet trace {ack['id']}")
    return 3
