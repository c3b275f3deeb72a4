"""Finds the file that Codex writes a thread to, and reads what it says of it: where it works, whether a turn runs.

The format is not documented: what is odd is not known, never an error. What the file proves is decided in
core/rollout.py.
"""

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from multifleet.sessions.base import Status
from multifleet.sessions.own_files import NotOurs, open_own_file

FIRST_LINE = 512 * 1024
"""Bytes in which the first record must be whole: all of the client's instructions stand in it."""
TAIL = 256 * 1024
"""Bytes at the end in which the beginning or the end of the last turn is looked for."""

LONG_TAIL = 4 * 1024 * 1024
"""Bytes at the end in which the last turn's permissions are looked for."""

_UNBOUNDED = ("danger-full-access", "external-sandbox")
_THREAD = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}")
_BEGINS = ("task_started", "turn_started")
_ENDS = ("task_complete", "turn_complete", "turn_aborted")


@dataclass(frozen=True, slots=True)
class Opening:
    """The first record of a thread."""

    thread: str
    cwd: str
    version: str
    source: str
    """How it was begun: cli, exec, vscode."""
    started_at: float


def codex_home(environ: Mapping[str, str]) -> Path:
    """Where Codex keeps its files: $CODEX_HOME, else ~/.codex."""
    chosen = environ.get("CODEX_HOME")
    return Path(chosen) if chosen else Path(environ.get("HOME") or Path.home()) / ".codex"


def is_thread(text: str) -> bool:
    """Whether this is the id of a thread; the time at which it began stands in it."""
    return _THREAD.fullmatch(text) is not None


def rollout_path(home: Path, thread: str) -> Path | None:
    """The file of a thread; None before its first turn."""
    if not is_thread(thread):
        return None
    # the folder is that of the day on which it began, by the clock on the wall there
    began = datetime.fromtimestamp(int(thread[:8] + thread[9:13], 16) / 1000, UTC)
    for days in (0, -1, 1):
        folder = home / "sessions" / (began + timedelta(days=days)).strftime("%Y/%m/%d")
        try:
            names = [name for name in os.listdir(folder) if name.endswith(f"-{thread}.jsonl")]
        except OSError:
            continue
        if names:
            return folder / min(names)
    return None


def opening(path: Path) -> Opening | None:
    """The first record; None where it is not (yet) there, or of a thread that another one made for itself."""
    try:
        record = json.loads(_read(path, 0, FIRST_LINE).partition(b"\n")[0])
    except (OSError, NotOurs, ValueError, RecursionError):
        return None
    payload = record.get("payload") if isinstance(record, dict) else None
    if not isinstance(payload, dict) or record.get("type") != "session_meta":
        return None
    thread, cwd, source = payload.get("id"), payload.get("cwd"), payload.get("source")
    if not (isinstance(thread, str) and isinstance(cwd, str) and cwd.startswith("/") and isinstance(source, str)):
        return None
    return Opening(thread, cwd, _text(payload, "cli_version"), source, _seconds(payload.get("timestamp")))


def status_of(path: Path) -> Status:
    """Whether a turn runs, as the last records say."""
    try:
        size = os.lstat(path).st_size
        tail = _read(path, max(0, size - TAIL), TAIL)
    except (OSError, NotOurs):
        return Status.UNKNOWN
    for line in reversed(tail.split(b"\n")):
        if b'"event_msg"' not in line:
            continue
        try:
            payload = json.loads(line).get("payload")
        except (ValueError, RecursionError, AttributeError):
            continue
        kind = payload.get("type") if isinstance(payload, dict) else None
        if kind in _BEGINS:
            return Status.BUSY
        if kind in _ENDS:
            return Status.IDLE
    return Status.IDLE if size <= TAIL else Status.BUSY


def asks_nobody(path: Path) -> bool:
    """Whether the thread may do everything and has nobody to ask, or whether that is not known: as its last turn was
    told, or as its user has chosen since."""
    try:
        size = os.lstat(path).st_size
        tail = _read(path, max(0, size - LONG_TAIL), LONG_TAIL)
    except (OSError, NotOurs):
        return True
    for line in reversed(tail.split(b"\n")):
        if b'"thread_settings_applied"' in line and (chosen := _chosen(line)) is not None:
            return not _is_bounded(chosen)
        if b'"turn_context"' not in line:
            continue
        try:
            payload = json.loads(line)["payload"]
            sandbox = payload["sandbox_policy"]
            kind = sandbox.get("type") if isinstance(sandbox, dict) else sandbox
            return bool(payload["approval_policy"] == "never" and kind in _UNBOUNDED)
        except (ValueError, RecursionError, LookupError, TypeError):
            continue
    return True


def _chosen(line: bytes) -> dict[str, Any] | None:
    """What the user has chosen by /permissions, which the client writes down at once; None for any other record."""
    try:
        payload = json.loads(line)["payload"]
        if payload["type"] != "thread_settings_applied":
            return None
        chosen = payload["thread_settings"]
    except (ValueError, RecursionError, LookupError, TypeError):
        return None
    return chosen if isinstance(chosen, dict) else {}


def _is_bounded(chosen: dict[str, Any]) -> bool:
    """Whether somebody is asked, or not everything may be done; what is not known is not."""
    try:
        if chosen["approval_policy"] != "never":
            return True
        profile = chosen["permission_profile"]
        return bool(profile["type"] == "managed" and profile["file_system"]["type"] == "restricted")
    except (LookupError, TypeError):
        return False


def _read(path: Path, offset: int, limit: int) -> bytes:
    descriptor = open_own_file(path)
    try:
        return os.pread(descriptor, limit, offset)
    finally:
        os.close(descriptor)


def _text(record: dict[str, Any], key: str) -> str:
    value = record.get(key)
    return value[:200] if isinstance(value, str) else ""


def _seconds(value: Any) -> float:
    try:
        return datetime.fromisoformat(value).timestamp()
    except (TypeError, ValueError):
        return 0.0
