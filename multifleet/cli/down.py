"""`down`: asks the daemon to stop and waits until it has let its home go."""

import json

from multifleet.cli.arguments import Value
from multifleet.cli.ask import as_line
from multifleet.cli.daemon import Frozen, Full, OnItsWay, ask
from multifleet.cli.home_lock import let_go
from multifleet.cli.live import LiveLine
from multifleet.cli.shape import Command, Failed, NotRunning

ANSWER = 10.0
"""Seconds for the daemon to say that it is stopping."""
PATIENCE = 30.0
"""Seconds for what is under way to end."""
_TICK = 0.2
"""Seconds after which the line on a terminal is written again."""


def run(name: str, command: Command, values: dict[str, Value], as_json: bool) -> int:
    """Exit status 0 once no daemon runs, also where none ran."""
    try:
        pid = int(json.loads(_told(command, values))["pid"])
    except OnItsWay:
        raise
    except NotRunning:
        print(as_line({"stopping": False, "pid": None}) if as_json else "no daemon was running")
        return 0
    free = let_go()
    with LiveLine() as line:
        while not free.wait(_TICK if line.on else PATIENCE):
            if line.elapsed >= PATIENCE:
                raise Failed(f"pid {pid} is still stopping after {PATIENCE:g} s; nothing is lost by `kill -9 {pid}`")
            line.show("stopping")
    print(as_line({"stopping": True, "pid": pid}) if as_json else f"stopped (pid {pid})")
    return 0


def stop(command: Command) -> bool:
    """Stop the daemon and wait until it has let its home go; False where none ran."""
    try:
        _told(command, {})
    except OnItsWay:
        raise
    except NotRunning:
        return False
    if not let_go().wait(PATIENCE):
        raise Failed(f"the daemon is still stopping after {PATIENCE:g} s: multifleet down")
    return True


def _told(command: Command, values: dict[str, Value]) -> bytes:
    """Its answer to the request to stop; one that is coming up is waited for."""
    try:
        return ask(command, values, ANSWER)
    except Full:
        raise
    except Frozen as error:
        raise Failed(*error.lines, "it has been asked to stop, and stops by itself if it runs again") from None
