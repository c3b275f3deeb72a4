"""The locks in a home, as a command sees them: whether somebody holds one, and the moment at which it is let go.

It holds none for longer than a look, but the one by which `up` makes known that it starts a daemon.
"""

import fcntl
import os

from multifleet.paths import home_folder

_LOOK = 0.05
"""Seconds between two looks whether the other one who starts a daemon has done so."""

TYPE_CHECKING = False
if TYPE_CHECKING:  # importing typing would cost every hook 6 ms
    from threading import Event


def is_held() -> bool:
    """Whether a daemon, or a command, holds this home."""
    return is_locked(_place())


def is_locked(place: str) -> bool:
    """Whether some process holds this file; not where it is none that this user may read."""
    try:
        descriptor = os.open(place, os.O_RDONLY | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def is_coming_up() -> bool:
    """Whether `up` is starting a daemon for this home, which may not hold it yet."""
    return is_locked(_known_at())


def make_known(patience: float) -> int | None:
    """Have everybody know that a daemon is being started, until the descriptor is closed; None where somebody else
    starts one, and has not done so within so many seconds."""
    from time import monotonic, sleep

    until = monotonic() + patience
    descriptor = os.open(_known_at(), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        while True:  # a thread that waited in the kernel would hold it later, when nobody wants it any more
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return descriptor
            except BlockingIOError:
                if monotonic() >= until:
                    os.close(descriptor)
                    return None
            sleep(_LOOK)
    except BaseException:
        os.close(descriptor)
        raise


def until_let_go() -> None:
    """Returns once nobody holds this home; a signal's handler may raise out of it."""
    try:
        descriptor = os.open(_place(), os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH)  # which the kernel grants however the holder ends
    finally:
        os.close(descriptor)


def let_go() -> "Event":
    """Set once nobody holds this home: for who waits only so long."""
    from threading import Event, Thread

    free = Event()

    def wait() -> None:
        until_let_go()
        free.set()

    Thread(target=wait, name="lock of the home", daemon=True).start()
    return free


def _known_at() -> str:
    return os.path.join(home_folder(), "starting")


def _place() -> str:
    return os.path.join(home_folder(), "lock")
