"""Finds the live Claude Code sessions of this user from the files the client keeps about them.

The format is not documented and a killed client leaves its file behind: a record is believed only when its
process runs, started when the record says, belongs to this user, and its socket accepts a connection.
"""

import contextlib
import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from multifleet.core.native import PID_MAX
from multifleet.sessions.base import Found, Problem, Session, Status
from multifleet.sessions.claude_transcript import transcript_path
from multifleet.sessions.own_files import NotOurs, read_own_file
from multifleet.sessions.processes import pid_domain, started_at
from multifleet.sessions.session_records import Malformed, SocketChecks, Stale, checked_start, is_path

CLIENT = "claude"
MAX_RECORD = 64 * 1024
MAX_RECORDS = 2_000
MAX_CONFIG = 64 * 1024 * 1024

_RECORD_NAME = re.compile(r"([1-9][0-9]{0,9})\.json")
_SESSION_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


def config_dir(environ: Mapping[str, str]) -> Path:
    """Where Claude Code keeps its files: $CLAUDE_CONFIG_DIR, else ~/.claude."""
    chosen = environ.get("CLAUDE_CONFIG_DIR")
    return Path(chosen) if chosen else Path(environ.get("HOME") or Path.home()) / ".claude"


class ClaudeRegistry:
    """The sessions that are registered under one configuration folder."""

    def __init__(self, config: Path) -> None:
        self.config = config
        self._domain = pid_domain()
        self._sockets = SocketChecks(MAX_RECORDS)

    def find(self) -> Found:
        """All live sessions, by pid, and the files that were not believed."""
        sessions: list[Session] = []
        problems: list[Problem] = []
        try:
            records = self._names()
        except OSError as error:
            return Found((), (Problem(self.config / "sessions", error.strerror or "cannot be read"),))
        for name in records[:MAX_RECORDS]:
            path = self.config / "sessions" / name
            try:
                sessions.append(self._read(path))
            except (Stale, FileNotFoundError):
                continue
            except (Malformed, NotOurs) as error:
                problems.append(Problem(path, str(error)))
            except OSError as error:
                problems.append(Problem(path, error.strerror or "cannot be read"))
        if len(records) > MAX_RECORDS:
            problems.append(Problem(self.config / "sessions", f"more than {MAX_RECORDS} files"))
        return Found(tuple(sorted(sessions, key=lambda session: session.pid)), tuple(problems))

    def reread(self, session: Session) -> Session | None:
        """The same process's session as it is now: after /clear it has another session_id. None when it is
        over."""
        try:
            now = self._read(self.config / "sessions" / f"{session.pid}.json")
        except (Stale, Malformed, NotOurs, OSError):
            return None
        return now if now.proc_start == session.proc_start else None

    def was_killed(self, session_id: str) -> bool:
        """Whether this session's process is gone and its record is still there: a client that ends takes it away."""
        with contextlib.suppress(OSError):
            return any(self._is_left(name, session_id) for name in self._names()[:MAX_RECORDS])
        return False

    def known_projects(self) -> tuple[Path, ...]:
        """The folders that the user has opened with the client and that still exist."""
        for path in (self.config / ".claude.json", self.config.parent / ".claude.json"):
            with contextlib.suppress(OSError, NotOurs, ValueError, RecursionError):
                kept = json.loads(read_own_file(path, MAX_CONFIG))
                projects = kept.get("projects") if isinstance(kept, dict) else None
                names = projects if isinstance(projects, dict) else {}
                return tuple(Path(name) for name in names if is_path(name) and os.path.isdir(name))
        return ()

    def _names(self) -> list[str]:
        try:
            names = sorted(os.listdir(self.config / "sessions"))
        except FileNotFoundError:
            return []
        # A number above all process ids is no process: it stands for a seat of another machine, and is not even read.
        return [name for name in names if _RECORD_NAME.fullmatch(name) and int(name[:-5]) <= PID_MAX]

    def _is_left(self, name: str, session_id: str) -> bool:
        with contextlib.suppress(OSError, NotOurs, ValueError, RecursionError):
            record = json.loads(read_own_file(self.config / "sessions" / name, MAX_RECORD))
            if isinstance(record, dict) and record.get("sessionId") == session_id:
                now, domain = started_at(int(name[:-5])), record.get("pidDomain")
                return domain in (None, self._domain) and (now is None or now not in ("", record.get("procStart")))
        return False

    def _read(self, path: Path) -> Session:
        try:
            record = json.loads(read_own_file(path, MAX_RECORD))
        except (ValueError, RecursionError):
            raise Malformed("not JSON") from None
        if not isinstance(record, dict):
            raise Malformed("not a JSON object")
        domain = record.get("pidDomain")
        if isinstance(domain, str) and self._domain is not None and domain != self._domain:
            raise Stale("of another set of process ids")
        pid = record.get("pid")
        if not isinstance(pid, int) or isinstance(pid, bool) or f"{pid}.json" != path.name:
            raise Malformed("the pid is not that of the file's name")
        start = checked_start(pid, record.get("procStart"))
        if record.get("spare"):
            raise Stale("a spare process without a conversation")
        session_id = record.get("sessionId")
        if not isinstance(session_id, str) or not _SESSION_ID.fullmatch(session_id):
            raise Malformed("the session id is not a UUID")
        cwd = record.get("cwd")
        if not isinstance(cwd, str) or not is_path(cwd):
            raise Malformed("the working folder is not an absolute path")
        started = _seconds(record.get("startedAt"))
        return Session(
            client=CLIENT,
            session_id=session_id,
            pid=pid,
            proc_start=start,
            cwd=cwd,
            name=_text(record, "name"),
            status=_status(record.get("status")),
            version=_text(record, "version"),
            entrypoint=_text(record, "entrypoint"),
            socket=self._sockets.checked(record.get("messagingSocketPath"), start),
            transcript=transcript_path(self.config, cwd, session_id),
            started_at=started,
            updated_at=_seconds(record.get("updatedAt"), started),
            kind=_text(record, "kind"),
            waiting_for=_text(record, "waitingFor") or None,
            status_at=_seconds(record.get("statusUpdatedAt")),
        )


def is_running(session: Session) -> bool:
    """Whether the very process of this session still runs."""
    return started_at(session.pid) in (session.proc_start, "")


def _status(value: Any) -> Status:
    return Status(value) if value in ("idle", "busy", "waiting") else Status.UNKNOWN


def _seconds(value: Any, default: float = 0.0) -> float:
    return value / 1000 if isinstance(value, int | float) and 0 <= value < 1e15 else default


def _text(record: dict[str, Any], key: str) -> str:
    value = record.get(key)
    return value[:200] if isinstance(value, str) else ""
