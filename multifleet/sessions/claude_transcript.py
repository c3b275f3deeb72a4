"""Finds the transcript of a Claude Code session and reads on in it. What it proves is decided in
core/transcript.py."""

import os
import re
from pathlib import Path

from multifleet.sessions.own_files import NotOurs, open_own_file

READ_AT_ONCE = 1024 * 1024


def transcript_path(config: Path, cwd: str, session_id: str) -> Path:
    """Where the session's transcript lies, or will lie once it has a first record."""
    projects = config / "projects"
    name = f"{session_id}.jsonl"
    usual = projects / folder_name(cwd) / name
    if os.path.lexists(usual):
        return usual
    # the client names the folder after where it was started, and shortens a long name in its own way
    for folder in (folder_name(os.path.realpath(cwd)), *_folders(projects)):
        if os.path.lexists(projects / folder / name):
            return projects / folder / name
    return usual


class TranscriptFile:
    """A place in a transcript; blocks only for the disk. A file that was replaced or cut is read from its
    start."""

    def __init__(self, path: Path, offset: int = 0) -> None:
        self.path = path
        self.offset = offset
        self._inode: int | None = None
        self._restarted = False

    def read(self, limit: int = READ_AT_ONCE) -> bytes:
        """The next bytes, at most `limit`; b"" when there is nothing new, no file yet, or none that is
        ours."""
        try:
            descriptor = open_own_file(self.path)
        except (OSError, NotOurs):
            return b""
        try:
            found = os.fstat(descriptor)
            replaced = self._inode is not None and found.st_ino != self._inode
            if replaced or found.st_size < self.offset:
                self.offset = 0
                self._restarted = True
            self._inode = found.st_ino
            if found.st_size == self.offset:
                return b""
            data = os.pread(descriptor, limit, self.offset)
        finally:
            os.close(descriptor)
        self.offset += len(data)
        return data

    def restarted(self) -> bool:
        """Whether the file was replaced or cut since this was last asked: half a line from before is void."""
        was, self._restarted = self._restarted, False
        return was


def size_of(path: Path) -> int:
    """The transcript's size in bytes; 0 when there is none."""
    try:
        return os.lstat(path).st_size
    except OSError:
        return 0


def folder_name(cwd: str) -> str:
    """The folder under projects/ in which conversations begun in this one are kept."""
    return re.sub(r"[^A-Za-z0-9]", "-", cwd)


def _folders(projects: Path) -> list[str]:
    try:
        with os.scandir(projects) as entries:
            return sorted(entry.name for entry in entries if entry.is_dir(follow_symlinks=False))
    except OSError:
        return []
