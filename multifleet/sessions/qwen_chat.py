"""Finds the file in which Qwen Code keeps a conversation, and reads from it whether a turn runs.

The format is not documented: what is odd is not known, never an error. What the file proves is decided in
core/qwen_chat.py.
"""

import json
import os
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from pathlib import Path
from typing import Any

from multifleet.sessions.base import Status
from multifleet.sessions.claude_transcript import folder_name
from multifleet.sessions.own_files import NotOurs, open_own_file, read_own_file
from multifleet.sessions.processes import is_connected

MOST_FOLDERS = 10_000
TAIL = 1024 * 1024
"""Bytes at the end in which the last turn is looked for."""
QUIET = 30.0
"""Seconds without a word after which a turn that waits for the model may be none: an attempt at the API is written down
when it fails, and one under way is a connection."""
LONG = 900.0
"""Seconds without a word after which a connection is no proof of a turn: it may be one to a tool's server."""
MAX_SETTINGS = 1024 * 1024


class Last(Enum):
    """What the last record of a turn is."""

    SAID = "the model's last words, or a tool that its user broke off: the turn is over"
    ASKED = "what the model is asked: its answer is waited for"
    CALLED = "a call of a tool, which runs, or of which the user is asked"
    NOTHING = "no record of a turn"


@dataclass(frozen=True, slots=True)
class Turn:
    """The last turn; wall-clock seconds, 0 where they are not known."""

    last: Last
    began: float = 0.0
    ended: float = 0.0


def chat_path(home: Path, cwd: str, session_id: str) -> Path:
    """Where the conversation's file lies, or will lie once it has a first record."""
    return home / "projects" / folder_name(cwd) / "chats" / f"{session_id}.jsonl"


def is_chat(path: str, session_id: str) -> bool:
    """Whether this may be the file of that conversation, by its name alone."""
    return os.path.isabs(path) and path.endswith(f"/chats/{session_id}.jsonl")


def find_chat(home: Path, session_id: str) -> Path | None:
    """The file of a conversation, wherever it was begun; None where there is none (yet)."""
    try:
        with os.scandir(home / "projects") as entries:
            folders = sorted(one.name for one, _ in zip(entries, range(MOST_FOLDERS), strict=False))
    except OSError:
        return None
    paths = (home / "projects" / folder / "chats" / f"{session_id}.jsonl" for folder in folders)
    return next((path for path in paths if os.path.lexists(path)), None)


class QwenChats:
    """What was read of each file; blocks for the disk."""

    def __init__(
        self, clock: Callable[[], float] = time.time, connected: Callable[[int], bool | None] = is_connected
    ) -> None:
        """`connected`: whether a process has a connection to anywhere; None where that is not known."""
        self._clock = clock
        self._connected = connected
        self._known: dict[Path, tuple[tuple[int, int], Turn]] = {}

    def status(self, path: Path, pid: int) -> tuple[Status, float, float]:
        """What the session of a process does, since when (0: not known), and when its file was written last (0: there
        is none)."""
        try:
            found = os.lstat(path)
        except OSError:
            self._known.pop(path, None)
            return Status.UNKNOWN, 0.0, 0.0
        at = (found.st_size, found.st_mtime_ns)
        known = self._known.get(path)
        if known is None or known[0] != at:
            known = self._known[path] = (at, turn_of(path, found.st_size))
        return *self._state(known[1], pid, found.st_mtime), found.st_mtime

    def keep(self, paths: set[Path]) -> None:
        """Forget all other files."""
        self._known = {path: known for path, known in list(self._known.items()) if path in paths}

    def _state(self, turn: Turn, pid: int, written: float) -> tuple[Status, float]:
        if turn.last is Last.NOTHING:
            return Status.UNKNOWN, 0.0
        if turn.last is Last.SAID:
            return Status.IDLE, turn.ended
        if turn.last is Last.CALLED or self._clock() - written < QUIET:
            return Status.BUSY, turn.began
        connected = self._connected(pid)
        if connected is None or (connected and self._clock() - written >= LONG):
            return Status.UNKNOWN, 0.0
        # That its user broke it off is written nowhere, nor that the client gave up.
        return (Status.BUSY, turn.began) if connected else (Status.IDLE, written)


def keeps_chats(home: Path, cwd: str, pid: int) -> bool:
    """Whether a client writes conversations down, as settings say: then one without a file has not begun."""
    try:
        if b"chat-recording" in Path(f"/proc/{pid}/cmdline").read_bytes():
            return False
    except OSError:
        return False
    for path in (home / "settings.json", Path(cwd) / ".qwen/settings.json"):
        try:
            found = json.loads(read_own_file(path, MAX_SETTINGS))
        except FileNotFoundError:
            continue
        except (OSError, NotOurs, ValueError, RecursionError):
            return False
        general = found.get("general", {}) if isinstance(found, dict) else None
        if not isinstance(general, dict) or general.get("chatRecording", True) is not True:
            return False
    return True


def turn_of(path: Path, size: int) -> Turn:
    """The last turn, as the last records say."""
    try:
        descriptor = open_own_file(path)
    except (OSError, NotOurs):
        return Turn(Last.NOTHING)
    try:
        tail = os.pread(descriptor, TAIL, max(0, size - TAIL))
    finally:
        os.close(descriptor)
    return _turn(_records(tail))


def _turn(newest_first: Iterable[dict[str, Any]]) -> Turn:
    last, ended = Last.NOTHING, 0.0
    for record in newest_first:
        kind = record.get("type")
        if last is Last.NOTHING:
            last, ended = _last(record), _moment(record)
        if kind == "user" and record.get("subtype") != "mid_turn_user_message":
            return Turn(last, _moment(record), ended)
    return Turn(last, 0.0, ended)


def _last(record: dict[str, Any]) -> Last:
    kind = record.get("type")
    if kind == "user":
        return Last.ASKED
    if kind == "tool_result":
        result = record.get("toolCallResult")
        return Last.SAID if isinstance(result, dict) and result.get("status") == "cancelled" else Last.ASKED
    if kind != "assistant":
        return Last.NOTHING
    message = record.get("message")
    parts = message.get("parts") if isinstance(message, dict) else None
    calls = isinstance(parts, list) and any(isinstance(part, dict) and "functionCall" in part for part in parts)
    return Last.CALLED if calls else Last.SAID


def _records(tail: bytes) -> Iterable[dict[str, Any]]:
    for line in reversed(tail.split(b"\n")):
        try:
            record = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(record, dict) and not record.get("isSidechain"):
            yield record


def _moment(record: dict[str, Any]) -> float:
    said = record.get("timestamp")
    try:
        return datetime.fromisoformat(said).timestamp() if isinstance(said, str) else 0.0
    except (ValueError, OverflowError):
        return 0.0
