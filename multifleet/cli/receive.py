"""`receive`: takes a frame on standard input and prints the answer; for transports that start a program.

A line before the frame may name the home of the node that it is for, where $MULTIFLEET_HOME does not. What is for
another node than that of the home is refused: nobody would look for it there. Exit status 0 where the frame was taken
or parked, 1 where it was refused.
"""

import base64
import json
import os
import stat
import sys
from typing import Any

from multifleet.cli.arguments import Value
from multifleet.cli.ask import as_line
from multifleet.cli.daemon import Frozen, ask
from multifleet.cli.shape import Command, Failed, NotRunning
from multifleet.paths import home_folder

TIMEOUT = 1.0
"""Seconds after which a daemon that does not answer is taken to be frozen, and the frame is parked."""
LARGEST_FRAME = 1024 * 1024 + 4096
HOME_LINE, HOME_LINE_LIMIT = b"home ", 4102
"""As core.ssh_packets has them, which costs more to import than all that is done here."""
REFUSED = 401
IDENTITY_LIMIT = 65_536


def run(name: str, command: Command, values: dict[str, Value], as_json: bool) -> int:
    """Failed where the frame was refused; what the node says of it is printed all the same."""
    frame = in_its_home(sys.stdin.buffer.read(HOME_LINE_LIMIT + LARGEST_FRAME + 1))
    if len(frame) > LARGEST_FRAME:
        raise Failed(f"the frame is longer than {LARGEST_FRAME} bytes")
    if elsewhere := _elsewhere(frame):
        if as_json:
            print(as_line({"status": REFUSED, "frame": "", "waiting": [], "elsewhere": elsewhere}))
        raise Failed(f"the frame was refused: {elsewhere}")
    try:
        answer = ask(command, {"frame": base64.b64encode(frame).decode()} | values, TIMEOUT)
        result = json.loads(answer)
    except (NotRunning, Frozen):
        result = _without_daemon(frame, str(values.get("by") or "local"))
    status = int(result["status"])
    if as_json:
        print(as_line(result))
    else:
        sys.stdout.buffer.write(base64.b64decode(result["frame"]))
    if status >= 400:
        raise Failed(f"the frame was refused ({status})")
    return 0


def in_its_home(given: bytes) -> bytes:
    """What comes after that line; this process works for the home that is named in it, if this user has such a one."""
    if not given.startswith(HOME_LINE):
        return given
    line, _, frame = given.partition(b"\n")
    home = os.fsdecode(line[len(HOME_LINE) :])
    if not os.environ.get("MULTIFLEET_HOME") and _is_own_home(home):
        os.environ["MULTIFLEET_HOME"] = home
    return frame


def _is_own_home(home: str) -> bool:
    try:
        found = os.lstat(home)
    except (OSError, ValueError):
        return False
    is_own = stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid() and not found.st_mode & 0o022
    return is_own and os.path.realpath(home) == home and bool(_node_of(home))


def _elsewhere(frame: bytes) -> str:
    """Why a frame cannot be for the node of this home; empty where it can, or where nobody knows."""
    words = frame[:HOME_LINE_LIMIT].split(b" ", 3)
    if len(words) < 4 or words[0] != b"mf1":
        return ""
    home, wanted = home_folder(), words[2].decode(errors="replace")
    if not os.path.lexists(_identity(home)):
        return f"no node has its home in {home}"
    node = _node_of(home)
    return "" if node in ("", wanted) else f"{home} is the home of {node}"


def _identity(home: str) -> str:
    return os.path.join(home, "keys", "identity.json")


def _node_of(home: str) -> str:
    """Whose home it is; empty where nobody's, or where that cannot be read."""
    try:
        with open(os.open(_identity(home), os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
            is_file = stat.S_ISREG(os.fstat(file.fileno()).st_mode)
            node = json.loads(file.read(IDENTITY_LIMIT))["node"] if is_file else ""
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return ""
    return node if isinstance(node, str) else ""


def _without_daemon(frame: bytes, by: str) -> dict[str, Any]:
    from multifleet.errors import MultifleetError
    from multifleet.node.offline import offline_receive
    from multifleet.paths import home_path

    home = home_folder()
    if os.path.lexists(_identity(home)) and not _node_of(home):
        # Nobody could say for whom the bytes are, and they would lie there unread.
        raise Failed(f"the frame was refused: {_identity(home)} cannot be read: multifleet doctor keys")
    try:
        answer = offline_receive(home_path(), frame, by)
    except MultifleetError as error:
        raise Failed(str(error)) from None
    return {
        "status": answer.status,
        "frame": base64.b64encode(answer.frame).decode(),
        "waiting": [base64.b64encode(one).decode() for one in answer.waiting],
    }
