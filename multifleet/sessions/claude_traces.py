"""What Claude Code leaves behind beside its registry: its processes and its transcripts. Nothing is read but names,
times and command lines, and nothing is believed: it is there to be compared with the registry."""

import os
import re
import sys
from pathlib import Path

from multifleet.core.session_sightings import Process, Written
from multifleet.sessions.claude_transcript import folder_name
from multifleet.sessions.processes import started_at

PROCESSES_LIMIT, FILES_LIMIT = 50_000, 20_000
COMMAND_LINE = 4_096
_TRANSCRIPT = re.compile(r"([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})\.jsonl")
_RUNTIMES = ("node", "bun")
_PROGRAMS = ("claude", "claude.exe")
_VERSIONS = "/claude/versions/"
"""Where its own installer keeps one program for each version, named after it."""


def processes(config: Path, proc: Path = Path("/proc")) -> list[tuple[Process, str | None]] | None:
    """This user's processes of the client, each with its working folder; None where the system does not list them."""
    if not sys.platform.startswith("linux"):
        return None
    try:
        pids = [int(name) for name in os.listdir(proc) if name.isdecimal()][:PROCESSES_LIMIT]
        booted = _booted_at(proc)
    except (OSError, ValueError):
        return None
    found: dict[int, tuple[Process, str | None]] = {}
    parents: dict[int, int] = {}
    for pid in pids:
        if not _is_client(proc / str(pid)):
            continue
        ticks = started_at(pid) if proc == Path("/proc") else "0"
        if not ticks:
            continue
        parents[pid] = _parent(proc / str(pid))
        cwd = _cwd(proc / str(pid))
        began = booted + int(ticks) / os.sysconf("SC_CLK_TCK")
        record = os.path.lexists(config / "sessions" / f"{pid}.json")
        found[pid] = Process(pid, began, folder_name(cwd) if cwd else None, record), cwd
    # What the client itself starts under its own name is no session beside it.
    return [one for pid, one in found.items() if one[0].has_record or parents[pid] not in found]


def transcripts(config: Path) -> dict[str, Written]:
    """When each conversation was written to last, by session id."""
    found: dict[str, Written] = {}
    looked = 0
    for folder in _entries(config / "projects"):
        if not folder.is_dir(follow_symlinks=False):
            continue
        for entry in _entries(Path(folder.path)):
            looked += 1
            if looked > FILES_LIMIT:
                return found
            match = _TRANSCRIPT.fullmatch(entry.name)
            if match is None:
                continue
            try:
                state = entry.stat(follow_symlinks=False)
            except OSError:
                continue  # it is gone
            if state.st_uid == os.getuid() and entry.is_file(follow_symlinks=False):
                found[match[1]] = Written(folder.name, state.st_mtime)
    return found


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return sorted(entries, key=lambda entry: entry.name)
    except OSError:
        return []


def _is_client(place: Path) -> bool:
    try:
        if os.stat(place).st_uid != os.getuid():
            return False
        with open(place / "cmdline", "rb") as file:
            words = [os.fsdecode(word) for word in file.read(COMMAND_LINE).split(b"\0")]
    except OSError:
        return False
    if os.path.basename(words[0]) in _RUNTIMES and len(words) > 1:
        return os.path.basename(words[1]) in _PROGRAMS or "/claude-code/" in words[1]
    return os.path.basename(words[0]) in _PROGRAMS or _VERSIONS in words[0]


def _parent(place: Path) -> int:
    try:
        with open(place / "stat", "rb") as file:
            return int(file.read().rpartition(b")")[2].split()[1])
    except (OSError, ValueError, IndexError):
        return 0


def _cwd(place: Path) -> str | None:
    try:
        return os.readlink(place / "cwd")
    except OSError:
        return None


def _booted_at(proc: Path) -> float:
    with open(proc / "stat", "rb") as file:
        for line in file:
            if line.startswith(b"btime "):
                return float(line.split()[1])
    raise ValueError("no boot time")
