"""`doctor`: asks the daemon, and where none answers looks at the home from outside."""

import json

from multifleet.cli.arguments import Value
from multifleet.cli.ask import show
from multifleet.cli.daemon import Frozen, ask
from multifleet.cli.live import LiveLine
from multifleet.cli.shape import Command, Failed, NotRunning

TIMEOUT = 3.0
"""Seconds; a daemon that has not answered by then is itself the fault."""
ONE_TIMEOUT = 60.0
"""For a check that is asked for by its name: it reads all of the store, or tries the agent client."""


def run(name: str, command: Command, values: dict[str, Value], as_json: bool) -> int:
    """Exit status 0 where nothing fails; Failed names the checks that do."""
    with LiveLine() as line:
        line.show("checking")
        try:
            answer = ask(command, values, ONE_TIMEOUT if "check" in values else TIMEOUT)
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
