"""Reads from the file in which Gemini CLI keeps a session's conversation whether a turn runs.

The format is not documented: what is odd is not known, never an error. What the file proves is decided in
core/gemini_chat.py.
"""

import json
import os
import re
from pathlib import Path

from multifleet.sessions.base import Status
from multifleet.sessions.own_files import NotOurs, open_own_file

CLIENT = "gemini"
TAIL = 1024 * 1024
"""Bytes at the end in which the last turn is looked for."""
_NAME = re.compile(r"session-[0-9A-Za-z_-]{1,100}\.jsonl")


def is_chat(path: str) -> bool:
    """Whether this may be such a file, by its name alone."""
    return os.path.isabs(path) and _NAME.fullmatch(os.path.basename(path)) is not None


class GeminiChats:
    """What was read of each file; blocks for the disk."""

    def __init__(self) -> None:
        self._known: dict[Path, tuple[tuple[int, int], Status]] = {}

    def status(self, path: Path) -> tuple[Status, float]:
        """What the session does, and when its file was written last; UNKNOWN and 0 where there is none."""
        try:
            found = os.lstat(path)
        except OSError:
            self._known.pop(path, None)
            return Status.UNKNOWN, 0.0
        at = (found.st_size, found.st_mtime_ns)
        last = self._known.get(path)
        if last is None or last[0] != at:
            last = self._known[path] = (at, status_of(path, found.st_size))
        return last[1], found.st_mtime

    def keep(self, paths: set[Path]) -> None:
        """Forget all other files."""
        self._known = {path: last for path, last in self._known.items() if path in paths}


def status_of(path: Path, size: int) -> Status:
    """Whether a turn runs, as the last records say."""
    try:
        descriptor = open_own_file(path)
    except (OSError, NotOurs):
        return Status.UNKNOWN
    try:
        tail = os.pread(descriptor, TAIL, max(0, size - TAIL))
    finally:
        os.close(descriptor)
    for line in reversed(tail.split(b"\n")):
        try:
            record = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if not isinstance(record, dict):
            continue
        kind, changed = record.get("type"), record.get("$set")
        if kind == "user":
            return Status.BUSY
        if kind == "gemini":
            return Status.BUSY if record.get("toolCalls") else Status.IDLE
        if isinstance(changed, dict) and "messages" in changed:
            return Status.IDLE  # a session that begins, or the conversation without a turn that failed
    return Status.UNKNOWN
