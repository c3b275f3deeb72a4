"""Text that lies ready for a session's next prompt: <home>/seeds/<session id>/next, taken by a hook with one
rename.

Hook and daemon compete for a seed by that rename, so one text is never shown twice. The file ends the JSON
that the hook begins, already escaped, so that a hook of plain sh can print it without a look at it.
"""

import contextlib
import json
import os
import re
import secrets
from collections.abc import Container
from dataclasses import dataclass
from pathlib import Path

from multifleet.sessions.own_files import NotOurs, is_private_folder, make_private_folder, read_own_file

MAX_SEED = 256 * 1024
ENDING = '"}}\n'
"""What closes the hook's answer after the fragment."""

AWAITED, ENDED = "awaited", "ended"
"""Files in a session's folder: that the end of its turn is waited for, and that it came."""
LONGEST_TURN = 86_400.0
"""Seconds for which that is waited for."""

_SESSION_ID = re.compile(r"[0-9A-Za-z][0-9A-Za-z_-]{0,79}")
_TAKEN = re.compile(r"(taken|woke)\.([1-9][0-9]{0,9})")


@dataclass(frozen=True, slots=True)
class Taken:
    """A seed that a hook took; `at` in wall-clock seconds.

    `to_wake`: by a program that wakes its session with it, which is not to say that the session shows it.
    """

    session_id: str
    path: Path
    pid: int
    at: float
    fragment: str
    to_wake: bool = False


def is_session_id(text: str) -> bool:
    """Whether a seed can be laid for a session of this id."""
    return _SESSION_ID.fullmatch(text) is not None


def fragment(text: str) -> str:
    """The text as it stands between the quotes of a JSON string, in ASCII and on one line."""
    return json.dumps(text)[1:-1]


class SeedBox:
    """The seeds of one home. Blocks for the disk; raises NotOurs when something foreign lies where a seed
    belongs."""

    def __init__(self, home: Path) -> None:
        self._root = home / "seeds"

    def put(self, session_id: str, fragment: str) -> bool:
        """Lays a seed ready, on disk when this returns; False, and nothing is changed, while another one
        waits."""
        json.loads(f'"{fragment}"')  # a ValueError here keeps what would break the hook's answer out of the file
        content = (fragment + ENDING).encode("ascii")
        if len(content) > MAX_SEED:
            raise ValueError(f"a seed has at most {MAX_SEED} bytes")
        folder = self._folder(session_id)
        make_private_folder(self._root)
        make_private_folder(folder)
        aside = folder / f".{secrets.token_hex(8)}"
        descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            os.link(aside, folder / "next", follow_symlinks=False)
        except FileExistsError:
            return False
        finally:
            os.unlink(aside)
        _flush_folder(folder)
        return True

    def take_back(self, session_id: str) -> str | None:
        """The fragment that waited, no longer there for a hook; None when there is none (any more)."""
        folder = self._folder(session_id)
        aside = folder / f".{secrets.token_hex(8)}"
        try:
            os.rename(folder / "next", aside)
        except (FileNotFoundError, NotADirectoryError):
            return None
        try:
            return _fragment_of(aside)
        finally:
            with contextlib.suppress(OSError):
                os.unlink(aside)

    def waits(self, session_id: str) -> bool:
        """Whether a seed lies ready for this session."""
        return os.path.lexists(self._folder(session_id) / "next")

    def taken(self, session_id: str) -> list[Taken]:
        """The seeds that hooks have taken, the oldest first, until they are cleared away."""
        folder = self._folder(session_id)
        if not is_private_folder(folder):
            return []
        found: list[Taken] = []
        for name in os.listdir(folder):
            match = _TAKEN.fullmatch(name)
            if match is None:
                continue
            path = folder / name
            with contextlib.suppress(FileNotFoundError, NotOurs):
                at = os.lstat(path).st_ctime
                found.append(Taken(session_id, path, int(match[2]), at, _fragment_of(path), match[1] == "woke"))
        return sorted(found, key=lambda taken: (taken.at, taken.pid))

    def await_end(self, session_id: str) -> None:
        """Have a hook say when the turn that is about to begin is over."""
        folder = self._folder(session_id)
        make_private_folder(self._root)
        make_private_folder(folder)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(folder / ENDED)
        os.close(os.open(folder / AWAITED, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600))

    def has_ended(self, session_id: str) -> bool:
        """Whether a hook said so; it says it once."""
        try:
            os.unlink(self._folder(session_id) / ENDED)
        except OSError:
            return False
        return True

    def clear(self, before: float, keep: Container[str] = ()) -> None:
        """Removes what hooks took before that moment (wall-clock seconds), and folders with nothing in them; what
        lies in those of the sessions to `keep` stays."""
        for session_id in self.sessions():
            if session_id in keep:
                continue
            for taken in self.taken(session_id):
                if taken.at < before:
                    with contextlib.suppress(FileNotFoundError):
                        os.unlink(taken.path)
            for name in (AWAITED, ENDED):
                with contextlib.suppress(FileNotFoundError):
                    if os.lstat(path := self._root / session_id / name).st_mtime < before - LONGEST_TURN:
                        os.unlink(path)
            with contextlib.suppress(OSError):
                os.rmdir(self._root / session_id)

    def sessions(self) -> list[str]:
        """The ids of the sessions for which something lies here."""
        if not is_private_folder(self._root):
            return []
        return sorted(
            name
            for name in os.listdir(self._root)
            if _SESSION_ID.fullmatch(name) and is_private_folder(self._root / name)
        )

    def _folder(self, session_id: str) -> Path:
        if not is_session_id(session_id):
            raise ValueError("this is not a session's id")
        return self._root / session_id


def _fragment_of(path: Path) -> str:
    try:
        content = read_own_file(path, MAX_SEED).decode("ascii")
    except UnicodeDecodeError:
        raise NotOurs("not a seed") from None
    if not content.endswith(ENDING):
        raise NotOurs("not a seed")
    return content[: -len(ENDING)]


def _flush_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
