"""Programs that wait beside a client which has no inbox (hooks/wait.py): rung, they take the seed and wake the session.

Each hangs up a pipe, <home>/waiters/<session id>.<the client's process id>, and listens there while the client runs.
"""

import os
import stat
from pathlib import Path

RING = b"r"


class Waiters:
    """Those of one home. Never waits: who does not listen is not there."""

    def __init__(self, home: Path) -> None:
        self._folder = home / "waiters"

    def ring(self, session_id: str, pid: int) -> bool:
        """Tell the one beside this client that something lies ready; False where none listens for this session."""
        pipe = self._folder / f"{session_id}.{pid}"
        try:
            found = os.lstat(pipe)
            if not stat.S_ISFIFO(found.st_mode) or found.st_uid != os.getuid():
                return False
            bell = os.open(pipe, os.O_WRONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
        except OSError:
            return False
        try:
            os.write(bell, RING)
        except OSError:
            return False  # it has been rung thousands of times and does not listen
        finally:
            os.close(bell)
        return True
