"""`repair --local`: named repairs of this machine's own daemon, for its user and for peers that come by SSH.

There is a fixed list of them, without arguments. What works is left alone: a daemon that answers is not touched, and
one that its user stopped is not started. However many ask, only so many are made within an hour, one at a time.
"""

import fcntl
import json
import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress

from multifleet import running
from multifleet.cli import repair_agent, service, supervised, up
from multifleet.cli.daemon import Frozen, exchange
from multifleet.cli.home_lock import is_held, let_go
from multifleet.cli.shape import Failed, NotRunning
from multifleet.local_http import request
from multifleet.paths import home_folder, is_foreign, socket_place

MOST, WITHIN = 6, 3_600.0
"""Repairs of this machine in so many seconds, whoever asks for them."""
ANSWER = 5.0
"""Seconds that a daemon has to answer; twice in a row it must fail to."""
STARTS_IN = 15.0
"""Seconds that one which has just been started may take until it listens."""
GRACE = 3.0
"""Seconds that it has to end by itself."""
BY_ITSELF = 20.0
"""Seconds in which a supervisor, or the system, brings a daemon back."""


class Made:
    """What came of a repair."""

    def __init__(self, acted: bool, words: str) -> None:
        self.acted = acted
        """Whether something was done."""
        self.words = words


def repair(name: str) -> Made:
    """Make one of REPAIRS; Failed where it cannot be made, or not any more within this hour."""
    home = home_folder()
    descriptor = _alone(home)
    try:
        return REPAIRS[name](home, descriptor)
    finally:
        os.close(descriptor)


def _daemon(home: str, times: int) -> Made:
    """The daemon runs and answers, unless its user has stopped it."""
    left = running.left_by(home)
    if is_held():
        if _answers():
            return Made(False, "the daemon answers: nothing was done")
    if is_held():
        pid = _holder(home)
        _count(times)
        ended = _end(home, pid)
        return Made(True, f"the daemon (pid {pid}) did not answer and was {ended}; {_bring_up(home, left)}")
    if left is None:
        return Made(False, "no daemon runs, and none was left by a crash: its user starts it with `multifleet up`")
    _count(times)
    cleared = _clear_socket(home)
    return Made(True, f"the daemon (pid {left.pid}) had ended without being stopped; {cleared}{_bring_up(home, left)}")


def _socket(home: str, times: int) -> Made:
    """No dead socket lies where the daemon's goes."""
    if is_held():
        return Made(False, "the home is in use: nothing was done")
    _count(times)
    cleared = _clear_socket(home)
    return Made(bool(cleared), cleared.rstrip("; ") or "nothing stale was found")


def _agent(home: str, times: int) -> Made:
    """A Claude Code of this machine has looked at it, where its user allows that."""
    if not repair_agent.allowed():
        return Made(False, "no repair agent is allowed here (repairAgent in config.json)")
    with repair_agent.alone(home) as folder:
        _count(times)
        fcntl.flock(times, fcntl.LOCK_UN)  # the repair of the daemon is the agent's to make
        return Made(True, f"the repair agent says: {repair_agent.run_agent(folder)}")


REPAIRS: "dict[str, Callable[[str, int], Made]]" = {"daemon": _daemon, "socket": _socket, "agent": _agent}
"""Name: the repair."""


def _answers() -> bool:
    """A daemon that holds the home and listens nowhere yet is on its way up, or down: it is given time for that."""
    until, silent, ended = time.monotonic() + STARTS_IN, 0, let_go()
    while silent < 2 and time.monotonic() < until:
        try:
            return exchange(request("GET", "/health"), ANSWER)[0] == 200
        except NotRunning:
            if ended.wait(up.LONGEST_LOOK):  # nothing tells when it begins to listen
                return False
        except Frozen:
            silent += 1
    return False


def _holder(home: str) -> int:
    with suppress(OSError, ValueError, KeyError, TypeError), open(os.path.join(home, "lock"), "rb") as file:
        found = json.loads(file.read(4_096))
        if found["port"] is not None:
            return int(found["pid"])
    raise Failed("a command, and no daemon, is writing to this home: try again when it has ended")


def _end(home: str, pid: int) -> str:
    """Ended by itself or killed; what it had committed is safe."""
    ended = let_go()
    for number, words in ((signal.SIGTERM, "stopped"), (signal.SIGKILL, "killed")):
        with suppress(ProcessLookupError):
            os.kill(pid, number)
        if ended.wait(GRACE) or _is_another(home, pid):
            return words
    raise Failed(f"the daemon (pid {pid}) cannot be ended")


def _is_another(home: str, pid: int) -> bool:
    """Whether a supervisor has brought up the next one already."""
    try:
        return _holder(home) != pid
    except Failed:
        return False  # it lets go at this moment


def _bring_up(home: str, left: "running.Running | None") -> str:
    """By whoever keeps it up, else by this very command; the lock sees to it that there is one."""
    if supervised.is_supervised(home) or service.bring_up():
        found = up.until_it_answers(BY_ITSELF)
        if found is not None:
            return f"its supervisor has started it again (pid {found['pid']})"
    if left and left.path:
        os.environ["PATH"] = left.path
    found = up.status() or up.start(left.port if left else None, left.binds if left else [])
    return f"it is up again (pid {found['pid']})"


def _clear_socket(home: str) -> str:
    place = socket_place(home)
    if is_foreign(place, home) or not os.path.lexists(place):
        return ""
    os.unlink(place)
    return "its dead socket was removed; "


def _alone(home: str) -> int:
    """The file that counts repairs, locked: there is one repair at a time."""
    try:
        descriptor = os.open(
            os.path.join(home, "repairs"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600
        )
    except OSError as error:
        raise Failed(f"nothing can be repaired in {home}: {error.strerror}") from None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise Failed("another repair is under way here: look again in a minute") from None
    return descriptor


def _count(times: int) -> None:
    """Failed where there were too many within the hour; else this one counts, whatever comes of it."""
    now = time.time()
    try:
        known = [float(moment) for moment in json.loads(os.pread(times, 4_096, 0) or b"[]")]
    except (ValueError, TypeError):
        known = []
    lately = [moment for moment in known if abs(now - moment) < WITHIN]
    if len(lately) >= MOST:
        raise Failed(f"{MOST} repairs were made here within the hour: somebody has to look why, `multifleet doctor`")
    os.ftruncate(times, 0)
    os.pwrite(times, json.dumps([*lately, now]).encode(), 0)
