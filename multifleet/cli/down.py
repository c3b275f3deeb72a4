"""`down`: asks the daemon to stop and waits until it has let its home go."""

import fcntl
import json
import os
import time

from multifleet.cli.arguments import Value
from multifleet.cli.ask import as_line
from multifleet.cli.daemon import ask
from multifleet.cli.live import LiveLine
from multifleet.cli.shape import Command, Failed, NotRunning
from multifleet.paths import home_folder

ANSWER = 10.0
"""Seconds for the daemon to say that it is stopping."""
PATIENCE = 30.0
"""Seconds for what is under way to end."""
_LOOK = 0.02


def run(name: str, command: Command, values: dict[str, Value], as_json: bool) -> int:
    """Exit status 0 once no daemon runs, also where none ran."""
    try:
        pid = int(json.loads(ask(command, values, ANSWER))["pid"])
    except NotRunning:
        print(as_line({"stopping": False, "pid": None}) if as_json else "no daemon was running")
        return 0
    with LiveLine() as line:
        while is_held():
            if line.elapsed > PATIENCE:
                raise Failed(f"pid {pid} is still stopping after {PATIENCE:g} s; nothing is lost by `kill -9 {pid}`")
            line.show("stopping")
            time.sleep(_LOOK)
    print(as_line({"stopping": True, "pid": pid}) if as_json else f"stopped (pid {pid})")
    return 0


def stop(command: Command) -> bool:
    """Stop the daemon and wait until it has let its home go; False where none ran."""
    try:
        ask(command, {}, ANSWER)
    except NotRunning:
        return False
    until = time.monotonic() + PATIENCE
    while is_held():
        if time.monotonic() > until:
            raise Failed(f"the daemon is still stopping after {PATIENCE:g} s: multifleet down")
        time.sleep(_LOOK)
    return True


def is_held() -> bool:
    """Whether a daemon, or a command, holds this home."""
    try:
        descriptor = os.open(os.path.join(home_folder(), "lock"), os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False
