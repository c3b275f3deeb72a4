"""`doctor`: asks the daemon, and where none answers looks at the home from outside."""

import json

from multifleet.cli.arguments import Value
from multifleet.cli.ask import show
from multifleet.cli.daemon import Frozen, ask
from multifleet.cli.live import LiveLine
from multifleet.cli.shape import Command, Failed, NotRunning

TIMEOUT = 60.0
"""Seconds; the self-test of an agent client takes a few."""


def run(name: str, command: Command, values: dict[str, Value], as_json: bool) -> int:
    """Exit status 0 where nothing fails; Failed names the checks that do."""
    with LiveLine() as line:
        line.show("checking")
        try:
            answer = ask(command, values, TIMEOUT)
        except (NotRunning, Frozen):
            answer = _from_outside(values)
    show(name, answer, as_json)
    bad = [check["id"] for check in json.loads(answer)["checks"] if check["level"] == "fail"]
    if bad:
        raise Failed(f"{', '.join(bad)}: do what stands beside it, then ask again")
    return 0


def _from_outside(values: dict[str, Value]) -> bytes:
    import msgspec

    from multifleet.errors import MultifleetError
    from multifleet.node import offline
    from multifleet.paths import home_path

    checks = [str(values["check"])] if "check" in values else []
    try:
        return msgspec.json.encode(offline.offline_doctor(home_path(), checks))
    except MultifleetError as error:
        raise Failed(str(error)) from None
