"""`check`: every channel to a peer, or to all, tried; the exit status says whether there is a way to each."""

import json

from multifleet.cli.arguments import Value
from multifleet.cli.ask import show
from multifleet.cli.daemon import ask
from multifleet.cli.shape import Command, Failed

LEADS = ("answers", "parked")
"""Results of a channel by which something gets through."""


def run(name: str, command: Command, values: dict[str, Value], as_json: bool) -> int:
    """Exit status 0 where each peer was reached by some channel; Failed names the others."""
    answer = ask(command, values)
    show(name, answer, as_json)
    rows = json.loads(answer)["channels"]
    reached = {row["peer"] for row in rows if row["result"] in LEADS}
    lost = [peer for peer in dict.fromkeys(row["peer"] for row in rows) if peer not in reached]
    if lost:
        raise Failed(*(f"{peer} was reached by no channel: multifleet why {peer}" for peer in lost))
    return 0
