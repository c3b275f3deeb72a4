"""The records by which Claude Code lists remote seats as sessions beside its own, as measured with 2.1.329.

They lie in the client's registry, which belongs to the user: nothing is touched there that does not carry our own set
of process ids, and everything that does is taken away again. No decision is made here.
"""

import contextlib
import json
import os
import stat
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from multifleet.core.native import Entry
from multifleet.sessions.own_files import NotOurs, read_own_file

MAX_RECORD = 64 * 1024
MAX_FILES = 10_000
ASIDE = ".multifleet-"
"""How the name of a file begins that is being written; the client passes over it."""


class NativeRecords:
    """Those of one node, under one configuration folder of the client."""

    def __init__(self, config: Path, domain: str) -> None:
        self._folder = config / "sessions"
        self._domain = domain
        self._aside = f"{ASIDE}{domain.rpartition(':')[2]}-"

    def stamp(self) -> int | None:
        """Another number after a session began or ended; None while the client has no registry."""
        try:
            return os.stat(self._folder).st_mtime_ns
        except OSError:
            return None

    def put(self, entry: Entry, socket: Path, now: float) -> None:
        """Write a record in one step; NotOurs or OSError says why not."""
        self._check_folder()
        path = self._path(entry.number)
        if os.path.lexists(path) and not self._is_own(path):
            raise NotOurs(f"{path} is not of this node")
        aside = self._folder / f"{self._aside}{entry.number}"
        aside.unlink(missing_ok=True)
        descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            with open(descriptor, "wb") as file:
                file.write(json.dumps(self._record(entry, socket, now)).encode())
            os.replace(aside, path)
        except BaseException:
            aside.unlink(missing_ok=True)
            raise

    def has(self, number: int) -> bool:
        """Whether the record is still there."""
        return os.path.lexists(self._path(number))

    def remove(self, numbers: Iterable[int]) -> None:
        """Take records away; what is not ours stays."""
        for number in numbers:
            path = self._path(number)
            if self._is_own(path):
                path.unlink(missing_ok=True)

    def left_behind(self) -> list[int]:
        """The numbers of all records of this node, also those of an earlier run that was killed."""
        try:
            with os.scandir(self._folder) as files:
                names = [file.name for file, _ in zip(files, range(MAX_FILES), strict=False)]
        except OSError:
            return []
        for name in names:
            if name.startswith(self._aside) and self._is_own_file(self._folder / name):
                (self._folder / name).unlink(missing_ok=True)
        numbers = [int(name[:-5]) for name in names if name.endswith(".json") and name[:-5].isdecimal()]
        return [number for number in numbers if self._is_own(self._path(number))]

    def _path(self, number: int) -> Path:
        return self._folder / f"{number}.json"

    def _check_folder(self) -> None:
        found = os.lstat(self._folder)
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o022:
            raise NotOurs(f"{self._folder} is not a folder that only this user writes to")

    def _is_own(self, path: Path) -> bool:
        with contextlib.suppress(OSError, NotOurs, ValueError, RecursionError):
            record = json.loads(read_own_file(path, MAX_RECORD))
            return isinstance(record, dict) and record.get("pidDomain") == self._domain
        return False

    def _is_own_file(self, path: Path) -> bool:
        try:
            found = os.lstat(path)
        except OSError:
            return False
        return stat.S_ISREG(found.st_mode) and found.st_uid == os.getuid()

    def _record(self, entry: Entry, socket: Path, now: float) -> dict[str, Any]:
        record: dict[str, Any] = {
            "pid": entry.number,
            "sessionId": entry.session_id,
            "cwd": "/",
            "startedAt": round(entry.since * 1000),
            "kind": "interactive",
            "pidDomain": self._domain,
            "messagingSocketPath": str(socket),
            "name": entry.address,
            "peerProtocol": 1,
            "peerFeatures": ["notify_idle"],
            "updatedAt": round(now * 1000),
        }
        if entry.status:
            record |= {"status": entry.status, "statusUpdatedAt": round(now * 1000)}
        return record
