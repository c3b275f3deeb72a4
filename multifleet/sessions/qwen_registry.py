"""Finds the live Qwen Code sessions of this user from the records that its maker documents.

A killed client leaves its record behind and everything in it is a claim: it is believed only when its process runs,
started when the record says, belongs to this user and our set of process ids, and its socket accepts a connection.
"""

import json
import os
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from multifleet.sessions.base import Found, Problem, Session, Status
from multifleet.sessions.own_files import NotOurs, read_own_file
from multifleet.sessions.qwen_chat import QwenChats, chat_path, keeps_chats
from multifleet.sessions.session_records import Malformed, SocketChecks, Stale, checked_start, is_path

CLIENT = "qwen"
MEASURED = frozenset({"0.24.4"})
"""Versions with whose inbox everything here was measured."""
SCHEMA = 1
MAX_RECORD = 64 * 1024
MAX_RECORDS = 2_000
AT_TERMINAL, EXTERNAL = "tui", "external"
"""Kinds: with a person before it; a program that is no session of the client."""

_RECORD_NAME = re.compile(r"([1-9][0-9]{0,9})(?:-[0-9a-f]{8})?\.json")
_SESSION_ID = re.compile(r"[0-9A-Za-z][0-9A-Za-z_-]{0,79}")
_TOKEN = re.compile(r"[0-9a-f]{64}")
_KIND = re.compile(r"[a-z0-9-]{1,16}")


def qwen_home(environ: Mapping[str, str]) -> Path:
    """Where Qwen Code keeps its files: $QWEN_HOME, else ~/.qwen."""
    chosen = environ.get("QWEN_HOME")
    return Path(chosen) if chosen else Path(environ.get("HOME") or Path.home()) / ".qwen"


def boot_id() -> str | None:
    """Which start of this machine it is, in the client's words; None off Linux."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        return None


def pid_namespace() -> int | None:
    """In which set of process ids this process counts, in the client's words; None off Linux."""
    try:
        return os.stat("/proc/self/ns/pid").st_ino
    except OSError:
        return None


class QwenRegistry:
    """The sessions that are registered under one folder of the client."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self._boot = boot_id()
        self._namespace = pid_namespace()
        self._sockets = SocketChecks(MAX_RECORDS)
        self._chats = QwenChats()
        self._external: dict[str, tuple[int, int]] = {}
        """Files that were found to be of other programs: ours alone are hundreds, and none is read twice."""

    @property
    def folder(self) -> Path:
        """Where the records lie."""
        return self.home / "sessions"

    def find(self) -> Found:
        """All live sessions, and the files that were not believed."""
        try:
            names = sorted(os.listdir(self.folder))
        except FileNotFoundError:
            return Found((), ())
        except OSError as error:
            return Found((), (Problem(self.folder, error.strerror or "cannot be read"),))
        sessions: list[Session] = []
        problems: list[Problem] = []
        records = [name for name in names if _RECORD_NAME.fullmatch(name)]
        for name in self._external.keys() - set(records):
            self._external.pop(name, None)  # somebody else may look at the same time
        for name in records[:MAX_RECORDS]:
            path = self.folder / name
            try:
                if not self._is_known_external(path):
                    sessions.append(self._read(path)[0])
            except (Stale, FileNotFoundError):
                continue
            except (Malformed, NotOurs) as error:
                problems.append(Problem(path, str(error)))
            except OSError as error:
                problems.append(Problem(path, error.strerror or "cannot be read"))
        self._chats.keep({one.transcript for one in sessions if one.transcript is not None})
        if len(records) > MAX_RECORDS:
            problems.append(Problem(self.folder, f"more than {MAX_RECORDS} files"))
        return Found(tuple(sorted(sessions, key=lambda session: (session.pid, session.session_id))), tuple(problems))

    def reread(self, session: Session) -> Session | None:
        """The same conversation's process as it is now, perhaps with another conversation; None when it is over."""
        found = self.with_token(session)
        return found[0] if found is not None else None

    def with_token(self, session: Session) -> tuple[Session, str | None] | None:
        """The session as it is now, and what its inbox wants to be shown first; None when it is over."""
        # One process may hold several conversations, each with a record of its own.
        try:
            names = [
                n for n in os.listdir(self.folder) if (m := _RECORD_NAME.fullmatch(n)) and int(m[1]) == session.pid
            ]
        except OSError:
            return None
        found = []
        for name in sorted(names)[:MAX_RECORDS]:
            try:
                found.append(self._read(self.folder / name))
            except (Stale, Malformed, NotOurs, OSError):
                continue
        found = [one for one in found if one[0].proc_start == session.proc_start]
        same = [one for one in found if one[0].session_id == session.session_id]
        return next(iter(same or found), None)

    def _read(self, path: Path) -> tuple[Session, str | None]:
        try:
            record = json.loads(read_own_file(path, MAX_RECORD))
        except (ValueError, RecursionError):
            raise Malformed("not JSON") from None
        if not isinstance(record, dict):
            raise Malformed("not a JSON object")
        schema = record.get("schemaVersion")
        if not isinstance(schema, int) or schema > SCHEMA:
            raise Malformed("of a version that is not known")
        pid = record.get("pid")
        named = _RECORD_NAME.fullmatch(path.name)
        if not isinstance(pid, int) or isinstance(pid, bool) or named is None or str(pid) != named[1]:
            raise Malformed("the pid is not that of the file's name")
        if record.get("kind") == EXTERNAL:
            self._external[path.name] = _made(path)
            raise Stale("no session of the client")
        if self._namespace is not None and record.get("pidNs") != self._namespace:
            raise Stale("of another set of process ids")
        start = self._checked_start(pid, record.get("procStart"))
        session_id, cwd = record.get("sessionId"), record.get("cwd")
        if not isinstance(session_id, str) or not _SESSION_ID.fullmatch(session_id):
            raise Malformed("the session id has not its form")
        if not isinstance(cwd, str) or not is_path(cwd):
            raise Malformed("the working folder is not an absolute path")
        kind, token = record.get("kind", AT_TERMINAL), record.get("ipcToken")
        started = record.get("startedAt")
        moment = started / 1000 if isinstance(started, int | float) and 0 <= started < 1e15 else 0.0
        session = Session(
            client=CLIENT,
            session_id=session_id,
            pid=pid,
            proc_start=start,
            cwd=cwd,
            name=_text(record, "name"),
            status=Status.UNKNOWN,
            version=_text(record, "qwenVersion"),
            entrypoint="cli" if kind == AT_TERMINAL else "",
            socket=self._sockets.checked(record.get("ipcPath"), start),
            transcript=chat_path(self.home, cwd, session_id),
            started_at=moment,
            updated_at=moment,
            kind=kind if isinstance(kind, str) and _KIND.fullmatch(kind) else "",
        )
        return self._with_status(session), token if isinstance(token, str) and _TOKEN.fullmatch(token) else None

    def _with_status(self, session: Session) -> Session:
        if session.transcript is None:
            return session
        status, since, written = self._chats.status(session.transcript, session.pid)
        if not written and keeps_chats(self.home, session.cwd, session.pid):
            status, since = Status.IDLE, session.started_at  # nobody has said anything in it yet
        return replace(session, status=status, status_at=since, updated_at=max(session.updated_at, written))

    def _is_known_external(self, path: Path) -> bool:
        known = self._external.get(path.name)
        if known is None or known == _made(path):
            return known is not None
        del self._external[path.name]
        return False

    def _checked_start(self, pid: int, claimed: object) -> str:
        if claimed is None:
            return checked_start(pid, None)
        boot, _, ticks = claimed.rpartition(":") if isinstance(claimed, str) else ("", "", "")
        if not boot or not ticks:
            raise Malformed("the process's start has not its form")
        if self._boot is not None and boot != self._boot:
            raise Stale("of another start of the machine, or of another machine")
        return checked_start(pid, ticks)


def _made(path: Path) -> tuple[int, int]:
    found = os.lstat(path)
    return found.st_ino, found.st_mtime_ns


def _text(record: dict[str, Any], key: str) -> str:
    value = record.get(key)
    return value[:200] if isinstance(value, str) else ""
