"""`up`: starts the daemon, in the background unless told otherwise, and waits until it answers."""

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import multifleet
from multifleet.cli.arguments import Value
from multifleet.cli.ask import as_line
from multifleet.cli.daemon import exchange
from multifleet.cli.home_lock import make_known
from multifleet.cli.live import LiveLine
from multifleet.cli.shape import Command, Failed, NotRunning
from multifleet.cli.table import cell
from multifleet.local_http import request
from multifleet.paths import home_path

PATIENCE = 30.0
"""Seconds for a daemon to come up; a store that must be checked after a power cut takes a few."""
MARK = "multifleet: "
"""At the beginning of what a daemon says as it ends."""
GRACE = 5.0
"""Seconds that a daemon has to end which is not wanted any more, or does not answer as it should."""
FIRST_LOOK, LONGEST_LOOK = 0.02, 0.2
"""Seconds between two looks whether it answers: nothing tells when it begins to listen."""


def run(name: str, command: Command, values: dict[str, Value], as_json: bool) -> int:
    """Exit status 0 once the daemon answers; with --foreground, the daemon's own."""
    port, binds = values.get("port"), values.get("bind", [])
    assert isinstance(binds, list) and (port is None or isinstance(port, int))
    supervised = bool(values.get("supervised"))
    if values.get("foreground"):
        return _supervise(port, binds) if supervised else _in_foreground(port, binds)
    running = status()
    if running is not None:
        if (port is not None and f":{port}" not in " ".join(running["addresses"])) or binds:
            raise Failed(_already(running) + "; stop it with `multifleet down` to change where it listens")
        _tell(running, as_json, _already(running))
        return 0
    running = start(port, binds, supervised=supervised)
    _tell(running, as_json, f"{running['node']} is up: pid {running['pid']}, {', '.join(running['addresses'])}")
    return 0


def start(port: int | None = None, binds: list[str] | None = None, *, supervised: bool = False) -> dict[str, Any]:
    """Start the daemon in the background; its status once it answers. Failed carries its last words.

    `down` and others know of it before its process is there, and wait for it. Two who start one take turns.
    """
    home = home_path()
    if not home.is_dir():
        raise Failed(f"{home} is no node yet: make it one with `multifleet init`")
    try:
        known = make_known(PATIENCE)
    except OSError as error:
        raise Failed(f"{error.filename} cannot be opened ({error.strerror}): remove it") from None
    if known is None:
        raise Failed(f"another `multifleet up` is starting the daemon of {home} and has not ended: end it first")
    try:
        return status() or _launch(home, port, binds or [], supervised)
    finally:
        os.close(known)


def _launch(home: Path, port: int | None, binds: list[str], supervised: bool) -> dict[str, Any]:
    logs = home / "logs"
    logs.mkdir(mode=0o700, exist_ok=True)
    log = logs / "daemon.log"
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        begin = os.fstat(descriptor).st_size
        child = subprocess.Popen(
            [*_words(port, binds), *(["--supervised"] if supervised else [])],
            stdin=subprocess.DEVNULL,
            stdout=descriptor,
            stderr=descriptor,
            env=_environment(),
            start_new_session=True,
        )
    finally:
        os.close(descriptor)
    try:
        return _await(child, log, begin)
    except KeyboardInterrupt:
        print(f"\nmultifleet: the daemon that was coming up (pid {child.pid}) is {_end(child)}", file=sys.stderr)
        raise


def status() -> dict[str, Any] | None:
    """What the daemon of this home says of itself; None where none runs."""
    try:
        code, body = exchange(request("GET", "/status"), 10.0)
    except NotRunning:
        return None
    if code != 200:
        raise Failed("a daemon runs and does not answer as it should: stop it with `multifleet down`")
    found: dict[str, Any] = json.loads(body)
    return found


def until_it_answers(seconds: float, look: Callable[[], None] = lambda: None) -> dict[str, Any] | None:
    """What a daemon says of itself that is coming up; None where it has not within so many seconds.

    `look` is called before each look, and may raise.
    """
    pause, until = FIRST_LOOK, time.monotonic() + seconds
    while time.monotonic() < until:
        look()
        found = status()
        if found is not None:
            return found
        time.sleep(pause)
        pause = min(pause * 1.5, LONGEST_LOOK)
    return None


def _in_foreground(port: int | None, binds: list[str]) -> int:
    from multifleet import daemon
    from multifleet.errors import MultifleetError

    try:
        return daemon.run(home_path(), port, binds)
    except MultifleetError as error:
        raise Failed(*error.lines) from None


def _supervise(port: int | None, binds: list[str]) -> int:
    from multifleet.cli.supervised import supervise

    return supervise(_words(port, binds), _environment(), str(home_path()))


def _words(port: int | None, binds: list[str]) -> list[str]:
    words = [
        sys.executable,
        *(["-I"] if sys.flags.isolated else []),
        "-m",
        "multifleet",
        "up",
        "--foreground",
    ]
    if port is not None:
        words += ["--port", str(port)]
    for bind in binds:
        words += ["--bind", bind]
    return words


def _environment() -> dict[str, str]:
    root = str(Path(multifleet.__file__).parent.parent)
    known = os.environ.get("PYTHONPATH")
    return os.environ | {"PYTHONPATH": f"{root}{os.pathsep}{known}" if known else root}


def _await(child: "subprocess.Popen[bytes]", log: Path, begin: int) -> dict[str, Any]:
    with LiveLine() as line:

        def look() -> None:
            if child.poll() is not None:
                raise Failed(*(_last_words(log, begin) or [f"the daemon ended at once: see {log}"]))
            line.show("starting")

        try:
            found = until_it_answers(PATIENCE, look)
        except Failed:
            if _was_stopped(child):
                raise Failed("it was stopped while it came up") from None
            raise
    if found is not None:
        return found
    raise Failed(f"the daemon (pid {child.pid}) runs and has not answered for {PATIENCE:g} s: see {log}")


def _was_stopped(child: "subprocess.Popen[bytes]") -> bool:
    """Whether it ended on purpose; it may have cut a connection, and be ending still."""
    with contextlib.suppress(subprocess.TimeoutExpired):
        return child.wait(GRACE) == 0
    return False


def _end(child: "subprocess.Popen[bytes]") -> str:
    child.terminate()
    with contextlib.suppress(subprocess.TimeoutExpired):
        child.wait(GRACE)
        return "stopped"
    return "told to stop, and still stopping"


def _last_words(log: Path, begin: int) -> list[str]:
    """Why it ended, as it said at last: a line for each reason."""
    with log.open("rb") as lines:
        lines.seek(begin)
        said = lines.read()[-8192:].decode(errors="replace").strip().split("\n")
    told: list[str] = []
    while said and said[-1].startswith(MARK):
        told.insert(0, said.pop().removeprefix(MARK))
    return told or [line for line in said[-1:] if line]


def _already(running: dict[str, Any]) -> str:
    return f"already up: {running['node']}, pid {running['pid']}, {', '.join(running['addresses'])}"


def _tell(running: dict[str, Any], as_json: bool, sentence: str) -> None:
    print(as_line(running) if as_json else sentence)
    if as_json:
        return
    for words in (*([running["degraded"]] if running["degraded"] else []), *running["settings"]):
        print(f"but: {cell(words)}", file=sys.stderr)
