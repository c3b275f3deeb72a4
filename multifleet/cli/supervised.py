"""`up --supervised`: starts the daemon again when it ends by a fault, is killed, or does not answer any more.

It knows nothing of the fleet. It ends with a daemon that was stopped on purpose, and stops the daemon when it is told
to end itself. Two of them for one home cannot be: it holds a lock of its own.
"""

import contextlib
import fcntl
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from threading import Event, Thread
from types import FrameType

from multifleet.cli.daemon import Frozen, exchange
from multifleet.cli.home_lock import is_locked, until_let_go
from multifleet.cli.shape import Failed, NotRunning
from multifleet.local_http import request

LOOK = 10.0
"""Seconds between two questions whether the daemon answers."""
ANSWER = 10.0
"""Seconds that it has for each."""
PATIENCE = 3
"""Questions in a row without an answer after which it is ended."""
REST_FIRST, REST_LAST = 1.0, 60.0
"""Seconds before it is started again; doubled while it does not live for long."""
LONG = 60.0
"""Seconds after which a daemon has lived for long."""
GRACE = 30.0
"""Seconds that it has to stop when the supervisor is told to end."""


class _Stop(BaseException):
    """The supervisor is to end."""


def supervise(words: list[str], environment: dict[str, str], home: str) -> int:
    """Run until the daemon is stopped on purpose, or this process is told to end; its exit status."""
    lock = _lock(home)
    try:
        signal.signal(signal.SIGTERM, _stop)
        signal.signal(signal.SIGINT, _stop)
        return _keep_up(lambda: subprocess.Popen(words, env=environment), home)
    finally:
        os.close(lock)


def is_supervised(home: str) -> bool:
    """Whether a supervisor runs for this home."""
    return is_locked(_place(home))


def _keep_up(start: "Callable[[], subprocess.Popen[bytes]]", home: str) -> int:
    rest = REST_FIRST
    child = None
    try:
        while True:
            begun = time.monotonic()
            child = start()
            status = _watch(child)
            if status == 0:
                return 0
            _say(f"the daemon ended ({_in_words(status)}); it is started again")
            rest = REST_FIRST if time.monotonic() - begun > LONG else rest
            time.sleep(rest)
            rest = min(2 * rest, REST_LAST)
            until_let_go()  # somebody else may have started one: this one waits for its turn
    except _Stop:
        if child is not None and child.poll() is None:
            child.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(GRACE)
        return 0
    finally:
        if child is not None and child.poll() is None:
            child.kill()
            child.wait()


def _watch(child: "subprocess.Popen[bytes]") -> int:
    """Its exit status, once it has ended or was ended because it does not answer."""
    ended = _end_of(child)
    silent = 0
    while not ended.wait(LOOK):
        silent = 0 if _answers() else silent + 1
        if silent >= PATIENCE:
            _say(f"the daemon (pid {child.pid}) does not answer and is ended")
            child.kill()
            break
    return child.wait()


def _end_of(child: "subprocess.Popen[bytes]") -> Event:
    """Set when it ends; to wait for it with a timeout would be to look at it twenty times a second."""
    ended = Event()

    def wait() -> None:
        child.wait()
        ended.set()

    Thread(target=wait, name="end of the daemon", daemon=True).start()
    return ended


def _answers() -> bool:
    try:
        return exchange(request("GET", "/health"), ANSWER)[0] == 200
    except (NotRunning, Frozen):
        return False
    except Failed:
        return True  # it is there, and says something


def _lock(home: str) -> int:
    descriptor = os.open(_place(home), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise Failed(f"a supervisor runs for {home} already: `multifleet down` stops it and the daemon") from None
    return descriptor


def _place(home: str) -> str:
    return os.path.join(home, "supervisor")


def _in_words(status: int) -> str:
    return f"exit status {status}" if status > 0 else f"signal {-status}"


def _say(words: str) -> None:
    print(f"multifleet: {words}", file=sys.stderr, flush=True)


def _stop(number: int, frame: FrameType | None) -> None:
    raise _Stop
