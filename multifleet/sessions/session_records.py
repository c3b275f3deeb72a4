"""Checks of what a client's own record claims of a session: that its process runs, and that its inbox is one.

A killed client leaves its record and its socket behind, and a process id is given to somebody else sooner or later.
"""

import errno
import os
import socket
import stat
from pathlib import Path

from multifleet.sessions.processes import owner_of, started_at

MAX_SOCKET_PATH = 107


class Stale(Exception):
    """The record is well formed, and its session is over or not of this set of process ids."""


class Malformed(Exception):
    """The record cannot be believed; the message says why."""


class SocketChecks:
    """Which sockets that a client names may be connected to; each is asked once."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._answered: dict[tuple[Path, str], tuple[int, int]] = {}

    def checked(self, named: object, start: str) -> Path | None:
        """The socket of a process that started then, if it is one of this user that listens; Stale or Malformed."""
        if named is None:
            return None
        if not isinstance(named, str) or not is_path(named):
            raise Malformed("the socket is not an absolute path")
        if len(os.fsencode(named)) > MAX_SOCKET_PATH:
            raise Malformed("the socket's path is too long")
        path = Path(named)
        try:
            found = os.lstat(path)
        except OSError:
            raise Stale("the socket is gone") from None
        if not stat.S_ISSOCK(found.st_mode):
            raise Malformed("what should be the socket is something else")
        if found.st_uid != os.getuid():
            raise Malformed("the socket is another user's")
        # asked once for each socket file: a listening socket stays so while the process that made it runs
        made = (found.st_ino, found.st_ctime_ns)
        if self._answered.get((path, start)) != made:
            if not _accepts(path):
                raise Stale("the socket refuses")
            self._answered[path, start] = made
            while len(self._answered) > self._most:
                del self._answered[next(iter(self._answered))]
        return path


def checked_start(pid: int, claimed: object) -> str:
    """When a process of this user started, if that is what is claimed of it; Stale says why it is not believed."""
    now = started_at(pid)
    if now is None:
        raise Stale("the process is gone")
    if now and owner_of(pid) != os.getuid():
        raise Stale("another user's process has the pid now")
    if claimed is not None and now and claimed != now:
        raise Stale("another process has the pid now")
    return now or (claimed if isinstance(claimed, str) else "")


def is_path(text: str) -> bool:
    """Whether it can be an absolute path."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return text.startswith("/") and "\0" not in text


def _accepts(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.setblocking(False)
        answer = probe.connect_ex(os.fspath(path))
    return answer in (0, errno.EAGAIN, errno.EINPROGRESS)  # EAGAIN: it listens, and is too busy to accept
