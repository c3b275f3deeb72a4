"""Finds the team mates of live Claude Code sessions, from the files that the client keeps of its teams.

A mate runs in the process of the session that leads it, or in one of its own that no list of sessions names. It is
there while its lead runs and lists it. The format is not documented: what is not as it was measured is passed over.
"""

import contextlib
import json
import os
import re
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from multifleet.sessions.base import Session, Status
from multifleet.sessions.native_records import TICK
from multifleet.sessions.own_files import NotOurs, read_own_file

MATE = "teammate"
"""The kind of such a session."""
AT_TERMINAL = "cli"
MAX_TEAM = 1024 * 1024
MAX_TEAMS, MAX_MATES = 200, 64

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_TEAM = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,63}")
_LONGEST_KEY = 80

Stamp = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class _Team:
    lead: str
    mates: tuple[tuple[str, bool, float], ...]
    """Name, whether it runs in its lead's own process, and since when it is there, in wall-clock seconds."""


def mate_key(team: str, name: str) -> str:
    """What stands for a mate where a session's id does; hooks/wait.py makes the same of its event."""
    return f"{team}_{name}"


class ClaudeTeams:
    """The teams that are kept under one configuration folder."""

    def __init__(self, config: Path) -> None:
        self._folder = config / "teams"
        self._read: dict[str, tuple[Stamp, _Team | None]] = {}
        self._files: dict[Path, tuple[int, dict[str, Path]]] = {}

    def mates(self, leads: Iterable[Session]) -> tuple[Session, ...]:
        """The mates of these sessions; their folder is that of their lead, whose seat they share. Blocks for the
        disk."""
        named = self._teams()
        if not named:
            self._files.clear()
            return ()
        at_terminal = {one.session_id: one for one in leads if one.entrypoint == AT_TERMINAL}
        found: list[Session] = []
        for name, team in named:
            if lead := at_terminal.get(team.lead):
                found += self._of(name, team, lead)
        return tuple(found)

    def _of(self, name: str, team: _Team, lead: Session) -> Iterator[Session]:
        for mate, is_inside, since in team.mates:
            key = mate_key(name, mate)
            if len(key) <= _LONGEST_KEY:
                yield replace(
                    lead,
                    session_id=key,
                    name=mate,
                    status=Status.UNKNOWN,
                    socket=None,
                    transcript=self._transcript(lead, mate) if is_inside else None,
                    started_at=since or lead.started_at,
                    updated_at=since or lead.started_at,
                    kind=MATE,
                    waiting_for=None,
                    status_at=0.0,
                    lead=lead.session_id,
                )

    def _teams(self) -> list[tuple[str, _Team]]:
        try:
            names = sorted(name for name in os.listdir(self._folder) if _TEAM.fullmatch(name))
        except OSError:
            return []
        if len(names) > MAX_TEAMS:  # those of sessions that were killed stay
            names = sorted(sorted(names, key=self._made)[-MAX_TEAMS:])
        self._read = {name: self._team(name) for name in names}
        return [(name, team) for name, (_, team) in self._read.items() if team is not None]

    def _made(self, name: str) -> int:
        try:
            return os.lstat(self._folder / name).st_mtime_ns
        except OSError:
            return 0

    def _team(self, name: str) -> tuple[Stamp, _Team | None]:
        path = self._folder / name / "config.json"
        before = self._read.get(name)
        try:
            found = os.lstat(path)
            stamp = (found.st_ino, found.st_size, found.st_mtime_ns)
            if before is not None and before[0] == stamp:
                return before
            return stamp, _team(json.loads(read_own_file(path, MAX_TEAM)))
        except FileNotFoundError:
            return (0, 0, 0), None
        except (OSError, NotOurs, ValueError, RecursionError):
            # it may be about to be written: what stood there before still holds, and it is read again
            return (0, 0, 0), before[1] if before else None

    def _transcript(self, lead: Session, mate: str) -> Path | None:
        """The newest file of a mate of this name."""
        if lead.transcript is None:
            return None
        folder = lead.transcript.with_suffix("") / "subagents"
        with contextlib.suppress(OSError):
            changed = os.stat(folder).st_mtime_ns
            known = self._files.get(folder)
            if known is None or known[0] != changed:
                is_young = abs(time.time_ns() - changed) <= TICK  # what comes now may give it the same time
                known = self._files[folder] = (-1 if is_young else changed, _newest(folder))
            return known[1].get(mate)
        return None


def _newest(folder: Path) -> dict[str, Path]:
    """The newest transcript of each name in a folder."""
    newest: dict[str, tuple[int, Path]] = {}
    for name in os.listdir(folder):
        match = re.fullmatch(r"agent-a([A-Za-z0-9][A-Za-z0-9_-]{0,63})-[0-9a-f]{16}\.jsonl", name)
        if match is not None:
            with contextlib.suppress(OSError):
                at = os.lstat(folder / name).st_mtime_ns
                newest[match[1]] = max(newest.get(match[1], (0, folder)), (at, folder / name))
    return {mate: path for mate, (_, path) in newest.items()}


def _team(kept: Any) -> _Team | None:
    if not isinstance(kept, dict) or not isinstance(lead := kept.get("leadSessionId"), str):
        return None
    members = kept.get("members")
    mates: list[tuple[str, bool, float]] = []
    for member in members[:MAX_MATES] if isinstance(members, list) else []:
        name = member.get("name") if isinstance(member, dict) else None
        if not isinstance(name, str) or not _NAME.fullmatch(name) or member.get("agentId") == kept.get("leadAgentId"):
            continue
        joined = member.get("joinedAt")
        since = joined / 1000 if isinstance(joined, int | float) and 0 <= joined < 1e15 else 0.0
        mates.append((name, member.get("backendType") == "in-process", since))
    return _Team(lead, tuple(mates))
