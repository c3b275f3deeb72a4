"""Finds the live Codex threads of this user: those whose lock a process holds.

A client that ends removes its lock's file; one that is killed leaves the file, and the kernel lets the lock go. Where
the kernel does not tell who holds a lock (not Linux), no thread is found.
"""

import os
from pathlib import Path

from multifleet.sessions.base import Found, Problem, Session, Status
from multifleet.sessions.codex_rollout import Opening, is_thread, opening, rollout_path, status_of
from multifleet.sessions.processes import owner_of, started_at

CLIENT = "codex"
LOCKS = "thread-writer-locks"
MAX_THREADS = 500
PAGE, READS = 3_500, 3
"""Characters below which the system's list of locks is whole, and how often a longer one is read."""
AT_TERMINAL = "cli"
WITH_A_PERSON = ("cli", "vscode")
"""Sources of threads with a person before them; a terminal that Codex's own daemon serves is of the second, too."""


class CodexThreads:
    """The threads under one folder of Codex."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self._known: dict[str, tuple[Path, Opening]] = {}
        self._statuses: dict[Path, tuple[tuple[int, int], Status]] = {}

    def find(self) -> Found:
        """All live threads that have begun a turn and are a person's or a script's own."""
        folder = self.home / LOCKS
        try:
            names = sorted(os.listdir(folder))
        except FileNotFoundError:
            return Found((), ())
        except OSError as error:
            return Found((), (Problem(folder, error.strerror or "cannot be read"),))
        threads = [name[:-5] for name in names if name.endswith(".lock") and is_thread(name[:-5])]
        holders = _holders() if threads else {}
        found = [self._session(thread, holders) for thread in threads[:MAX_THREADS]]
        self._known = {thread: known for thread, known in self._known.items() if thread in threads}
        paths = {path for path, _ in self._known.values()}
        self._statuses = {path: last for path, last in self._statuses.items() if path in paths}
        return Found(tuple(session for session in found if session is not None), ())

    def _session(self, thread: str, holders: dict[int, int]) -> Session | None:
        try:
            pid = holders.get(os.lstat(self.home / LOCKS / f"{thread}.lock").st_ino, 0)
        except OSError:
            return None
        start = started_at(pid)
        if start is None or owner_of(pid) != os.getuid():
            return None
        known = self._known.get(thread) or self._look_up(thread)
        if known is None:
            return None
        path, first = self._known[thread] = known
        try:
            written = os.lstat(path)
        except OSError:
            return None
        status = self._status(path, written)
        return Session(
            client=CLIENT,
            session_id=thread,
            pid=pid,
            proc_start=start,
            cwd=first.cwd,
            name="",
            status=status,
            version=first.version,
            entrypoint=AT_TERMINAL if first.source in WITH_A_PERSON else first.source,
            socket=None,
            transcript=path,
            started_at=first.started_at,
            updated_at=written.st_mtime,
            kind=first.source,
            status_at=written.st_mtime if status is Status.IDLE else 0.0,
        )

    def _status(self, path: Path, written: os.stat_result) -> Status:
        at = (written.st_size, written.st_mtime_ns)
        last = self._statuses.get(path)
        if last is None or last[0] != at:
            last = self._statuses[path] = (at, status_of(path))
        return last[1]

    def _look_up(self, thread: str) -> tuple[Path, Opening] | None:
        path = rollout_path(self.home, thread)
        first = opening(path) if path is not None else None
        return (path, first) if path is not None and first is not None and first.thread == thread else None


def _holders() -> dict[int, int]:
    """Who holds an exclusive flock: inode of the file -> pid.

    The kernel tells no more than a page at one moment; where others come and go meanwhile it may pass a lock over.
    """
    held: dict[int, int] = {}
    for _ in range(READS):
        listed = _locks()
        held |= _exclusive(listed)
        if len(listed) < PAGE:
            break
    return held


def _exclusive(listed: str) -> dict[int, int]:
    held: dict[int, int] = {}
    for line in listed.splitlines():
        words = line.split()
        if words[1:4] == ["FLOCK", "ADVISORY", "WRITE"] and len(words) > 5:
            inode = words[5].rpartition(":")[2]
            if inode.isdecimal() and words[4].isdecimal():
                held[int(inode)] = int(words[4])
    return held


def _locks() -> str:
    try:
        with open("/proc/locks", encoding="ascii") as file:
            return file.read()
    except (OSError, ValueError):
        return ""
