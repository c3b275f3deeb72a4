"""One writer for one home: an flock that a daemon holds while it lives. The kernel drops it however the
process ends.

The file says who holds it, for people and for other commands; only the flock decides.
"""

import contextlib
import fcntl
import json
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from multifleet.errors import AlreadyRunning, StoreUnavailable

_POLL = 0.02


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds a home; `port` is None for a short command."""

    pid: int
    port: int | None
    started: float


class HomeLock:
    """The lock of one home, held until `release`."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor: int | None = descriptor

    @classmethod
    def acquire(cls, home: Path, *, port: int | None = None, wait: float = 2.0) -> Self:
        """Takes the lock; `port` None is for a short command. Raises AlreadyRunning at once when a daemon
        holds it, and after `wait` seconds when a short command does. Blocks: not for the event loop.
        """
        descriptor = _open(home)
        deadline = time.monotonic() + wait
        try:
            while not _try(descriptor, fcntl.LOCK_EX):
                holder = _read(descriptor)
                if (holder is not None and holder.port is not None and _lives(holder)) or time.monotonic() > deadline:
                    raise AlreadyRunning(_refusal(home, holder))
                time.sleep(_POLL)
        except BaseException:
            os.close(descriptor)
            raise
        lock = cls(descriptor)
        lock.announce(port)
        return lock

    def announce(self, port: int | None) -> None:
        """Writes who holds the lock, again once the daemon's port is known."""
        if self._descriptor is None:
            return
        text = json.dumps({"pid": os.getpid(), "port": port, "started": time.time()}).encode() + b"\n"
        try:
            os.ftruncate(self._descriptor, 0)
            os.pwrite(self._descriptor, text, 0)
        except OSError as error:
            raise StoreUnavailable(f"the lock of this home cannot be written: {error.strerror}") from error

    def release(self) -> None:
        """Gives the lock up; a second call does nothing."""
        if self._descriptor is not None:
            descriptor, self._descriptor = self._descriptor, None
            with contextlib.suppress(OSError):  # a disk gone read-only: the lock itself goes with the descriptor
                os.ftruncate(descriptor, 0)
            os.close(descriptor)


def holder(home: Path) -> Holder | None:
    """Who holds the home's lock now; None if nobody does."""
    try:
        descriptor = os.open(home / "lock", os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        if _try(descriptor, fcntl.LOCK_SH):
            return None
        return _read(descriptor)
    finally:
        os.close(descriptor)


def _open(home: Path) -> int:
    try:
        return os.open(home / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StoreUnavailable(f"{home / 'lock'} cannot be opened: {error.strerror}") from error


def _try(descriptor: int, kind: int) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _read(descriptor: int) -> Holder | None:
    try:
        found = json.loads(os.pread(descriptor, 4096, 0))
        port = found["port"]
        return Holder(int(found["pid"]), None if port is None else int(port), float(found["started"]))
    except (ValueError, KeyError, TypeError):
        return None


def _lives(holder: Holder) -> bool:
    try:
        os.kill(holder.pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _refusal(home: Path, holder: Holder | None) -> str:
    if holder is None:
        return f"another process holds {home}: wait for it, or stop it"
    if holder.port is None:
        return f"process {holder.pid} is writing to {home}: try again, or stop it"
    return (
        f"a daemon already runs for {home}: pid {holder.pid}, port {holder.port};"
        " stop it with `multifleet down`, or set MULTIFLEET_HOME for a second node"
    )
