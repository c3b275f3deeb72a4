"""Records by which an agent client lists remote seats as sessions beside its own.

They lie in the client's registry, which belongs to the user: nothing is touched there that does not carry our own mark,
and everything that does is taken away again. No decision is made here.
"""

import contextlib
import json
import os
import stat
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Protocol

from multifleet.core.native import Entry
from multifleet.sessions.own_files import NotOurs, read_own_file

MAX_RECORD = 64 * 1024
MAX_FILES = 10_000
ASIDE = ".multifleet-"
"""How the name of a file begins that is being written; the clients pass over it."""
TICK = 20_000_000
"""Nanoseconds in which a file system may give two changes one time."""


class Shape(Protocol):
    """How one client's records look."""

    mark: str
    """The field that says whose a record is: one that holds the domain is ours."""

    def name(self, number: int) -> str:
        """Of the file."""
        ...

    def is_name(self, name: str) -> bool:
        """Whether a file of this name may be a record, perhaps of an earlier run."""
        ...

    def record(self, entry: Entry, socket: Path, now: float) -> dict[str, Any]:
        """Its content, without the mark."""
        ...


class NativeRecords:
    """Those of one node, under one configuration folder of a client."""

    def __init__(self, config: Path, domain: str, shape: Shape) -> None:
        self._folder = config / "sessions"
        self._domain = domain
        self._shape = shape
        self._aside = f"{ASIDE}{domain.rpartition(':')[2]}-"

    def stamp(self) -> int | None:
        """Another number after a session began or ended, or may have; None while the client has no registry."""
        try:
            at = os.stat(self._folder).st_mtime_ns
        except OSError:
            return None
        return at if abs(time.time_ns() - at) > TICK else -time.monotonic_ns()

    def put(self, entry: Entry, socket: Path, now: float) -> None:
        """Write a record in one step; NotOurs or OSError says why not."""
        self._check_folder()
        path = self._path(entry.number)
        if os.path.lexists(path) and not self._is_own(path):
            raise NotOurs(f"{path} is not of this node")
        record = {**self._shape.record(entry, socket, now), self._shape.mark: self._domain}
        aside = self._folder / f"{self._aside}{entry.number}"
        aside.unlink(missing_ok=True)
        descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            with open(descriptor, "wb") as file:
                file.write(json.dumps(record).encode())
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
            self._remove(self._path(number))

    def clear(self) -> None:
        """Take all records of this node away, also those of an earlier run that was killed."""
        try:
            with os.scandir(self._folder) as files:
                names = [file.name for file, _ in zip(files, range(MAX_FILES), strict=False)]
        except OSError:
            return
        for name in names:
            if name.startswith(self._aside) and self._is_own_file(self._folder / name):
                (self._folder / name).unlink(missing_ok=True)
            if self._shape.is_name(name):
                self._remove(self._folder / name)

    def _path(self, number: int) -> Path:
        return self._folder / self._shape.name(number)

    def _remove(self, path: Path) -> None:
        if self._is_own(path):
            path.unlink(missing_ok=True)

    def _check_folder(self) -> None:
        found = os.lstat(self._folder)
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o022:
            raise NotOurs(f"{self._folder} is not a folder that only this user writes to")

    def _is_own(self, path: Path) -> bool:
        with contextlib.suppress(OSError, NotOurs, ValueError, RecursionError):
            record = json.loads(read_own_file(path, MAX_RECORD))
            return isinstance(record, dict) and record.get(self._shape.mark) == self._domain
        return False

    def _is_own_file(self, path: Path) -> bool:
        try:
            found = os.lstat(path)
        except OSError:
            return False
        return stat.S_ISREG(found.st_mode) and found.st_uid == os.getuid()
