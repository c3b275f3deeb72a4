"""Does the daemon run, and which; where none does, what its last words were."""

import os
import re
import socket
import stat
import time
from pathlib import Path

from multifleet.local_http import BadAnswer, head_of, request
from multifleet.node.checks.finding import Finding, fail, ok, warn
from multifleet.paths import socket_path
from multifleet.store.lock import Holder, holder

ANSWER_SECONDS = 1.0
LAST_BYTES = 8192
_ENDED = re.compile(r"ended code=\w+ reason=(.{1,300})$|^multifleet: (?!\S+ listens on )(.{1,300})$", re.MULTILINE)

NOT_STARTED_FOR = ("config", "dependencies", "disk", "keys", "port", "store")
"""Checks whose fault keeps a daemon from starting."""
START = "multifleet up"
MEND = "multifleet repair --local daemon, which ends it and starts it again"
RESTART = "multifleet down, then multifleet up"


def running(home: Path, node: str, version: str, up_seconds: float) -> Finding:
    """Asked within the daemon: whether it still has what keeps others out and lets its user in."""
    held = holder(home)
    if held is None or held.pid != os.getpid():
        return fail(
            f"pid {os.getpid()} runs, and {home / 'lock'} is no longer its own: a second daemon could start", RESTART
        )
    place = socket_path(home)
    if not _is_socket(place):
        return fail(f"pid {os.getpid()} runs, and its socket {place} is gone: no command reaches it", _kill(held))
    return ok(f"{node} runs: pid {held.pid}, version {version}, up {up_seconds:.0f} s")


def from_outside(home: Path) -> Finding:
    """Asked by a command that got no answer."""
    try:
        held = holder(home)
    except OSError as error:
        return fail(f"{home / 'lock'} cannot be read ({error.strerror})", "make the home yours again", "modes")
    if held is None:
        return _not_running(home)
    if held.port is None:
        return warn(f"no daemon runs: process {held.pid} is writing to the home", "ask again once it has ended")
    place = socket_path(home)
    if not _is_socket(place):
        return fail(
            f"a daemon runs (pid {held.pid}), and its socket {place} is gone: no command reaches it", _kill(held)
        )
    if not _answers(place):
        return fail(f"a daemon runs (pid {held.pid}) and does not answer", f"{MEND}; by hand: {_kill(held)}")
    return ok(f"it runs: pid {held.pid}, port {held.port}")


def _not_running(home: Path) -> Finding:
    last = _last_words(home / "logs" / "daemon.log")
    if last is None:
        return fail("no daemon runs", START, *NOT_STARTED_FOR)
    why, _, remedy = last.rpartition(": ")
    told = f"no daemon runs; the last one ended: {why or last}"
    return fail(told, f"{remedy}, then {START}" if why else START, *NOT_STARTED_FOR)


def _kill(held: Holder) -> str:
    return f"kill {held.pid} (kill -9 if it stays), then {START}: nothing that was accepted is lost"


def _is_socket(place: Path) -> bool:
    try:
        return stat.S_ISSOCK(os.lstat(place).st_mode)
    except OSError:
        return False


def _answers(place: Path) -> bool:
    answer = bytearray()
    end = time.monotonic() + ANSWER_SECONDS
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as link:
        try:
            link.settimeout(ANSWER_SECONDS)
            link.connect(os.fspath(place))
            link.sendall(request("GET", "/health"))
            while (head := head_of(answer)) is None:
                link.settimeout(max(0.01, end - time.monotonic()))
                piece = link.recv(4096)
                if not piece:
                    return False
                answer += piece
        except (OSError, BadAnswer):
            return False
    return head[0] == 200


def _last_words(log: Path) -> str | None:
    """Why the last daemon gave up, if it did and nothing came after it."""
    try:
        with log.open("rb") as lines:
            lines.seek(max(0, log.stat().st_size - LAST_BYTES))
            said = lines.read().decode(errors="replace")
    except OSError:
        return None
    ended = list(_ENDED.finditer(said))
    if not ended or " up node=" in said[ended[-1].end() :]:
        return None
    return str(ended[-1][1] or ended[-1][2])
