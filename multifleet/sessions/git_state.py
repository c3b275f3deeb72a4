"""On which branch and commit a folder's work stands, read from git's own files.

No program is started, nothing is written, and nothing is followed to where git itself would not look: links are not
read, other users' files are not, and a `.git` file is believed only where the folder that it names says so too. What
is odd or too large is not known, never an error.
"""

import os
import re
from dataclasses import dataclass
from pathlib import Path

from multifleet.sessions.own_files import NotOurs, read_own_file

UPWARDS = 40
"""Folders that are asked for their `.git`, the given one first."""
SMALL = 4_096
"""Bytes of HEAD, a loose ref, or any other file of one line."""
PACKED = 8 * 1024 * 1024
"""Bytes of packed refs; a repository with more of them has its branch named, and no commit."""
SYMBOLIC = 5
"""References to references that are followed, as many as git follows."""

_REF = re.compile(r"refs/[!-~\u00a0-\U0010ffff]+")
_COMMIT = re.compile("[0-9a-f]{40}(?:[0-9a-f]{24})?")
_ODD_IN_REF = re.compile(r"\.\.|//|@\{|[\x00-\x20\x7f~^:?*\[\\]|(?:^|/)\.|\.lock(?:/|$)|[./]$")
_BRANCHES = "refs/heads/"


@dataclass(frozen=True, slots=True)
class GitState:
    """Where the work stands; either part is empty where it is not known."""

    branch: str
    """Empty where no branch is checked out."""
    commit: str
    """All its hex digits; empty before the first one."""


def git_state(folder: str) -> GitState | None:
    """The state of the repository that holds the folder; None where none does. Takes tens of microseconds."""
    place = Path(folder)
    if not place.is_absolute():
        return None
    for above in [place, *place.parents][:UPWARDS]:
        if os.path.lexists(above / ".git"):
            try:
                own, common = _places(above)
                return _head(own, common)
            except (OSError, NotOurs, _Odd):
                return None
    return None


class _Odd(Exception):
    """Not as git leaves it."""


def _places(worktree: Path) -> tuple[Path, Path]:
    """The folder with the worktree's HEAD, and the one with the refs that all worktrees share."""
    dot_git = worktree / ".git"
    if dot_git.is_symlink():
        raise _Odd
    if dot_git.is_dir():
        return _own(dot_git), dot_git
    own = Path(os.path.normpath(worktree / _line(dot_git, "gitdir: ")))
    _own(own)
    if own.parent.name == "worktrees" and (own / "gitdir").exists():
        if os.path.realpath(_line(own / "gitdir")) != os.path.realpath(dot_git):
            raise _Odd
        common = Path(os.path.normpath(own / _line(own / "commondir")))
        if common != own.parent.parent:
            raise _Odd
        return own, _own(common)
    modules = [above / ".git" / "modules" for above in worktree.parents][:UPWARDS]
    if not any(own.is_relative_to(place) for place in modules):
        raise _Odd  # a submodule's is inside its superproject's; git knows no third kind
    return own, own


def _own(folder: Path) -> Path:
    """The folder, if it is this user's: git itself trusts no other."""
    found = os.lstat(folder)
    if found.st_uid != os.getuid():
        raise NotOurs("another user's folder")
    return folder


def _head(own: Path, common: Path) -> GitState:
    head = _line(own / "HEAD")
    if not head.startswith("ref: "):
        return GitState("", _commit(head))
    name = _checked(head.removeprefix("ref: "))
    branch = name.removeprefix(_BRANCHES) if name.startswith(_BRANCHES) and name != f"{_BRANCHES}.invalid" else ""
    return GitState(branch, _commit_of(name, common))


def _commit_of(name: str, common: Path) -> str:
    for _ in range(SYMBOLIC):
        if os.path.realpath(common / name) != os.path.join(os.path.realpath(common), name):
            raise _Odd  # a link on the way
        try:
            text = _line(common / name)
        except (OSError, NotOurs):
            return _packed(name, common)
        if not text.startswith("ref: "):
            return _commit(text)
        name = _checked(text.removeprefix("ref: "))
    return ""


def _packed(name: str, common: Path) -> str:
    try:
        refs = read_own_file(common / "packed-refs", PACKED)
    except (OSError, NotOurs):
        return ""
    found = re.search(rb"^([0-9a-f]{40,64}) " + re.escape(name.encode()) + rb"$", refs, re.MULTILINE)
    return _commit(found[1].decode()) if found else ""


def _commit(text: str) -> str:
    if not _COMMIT.fullmatch(text):
        raise _Odd
    return text


def _checked(name: str) -> str:
    """A reference's name as git allows it: none leaves the folder of the refs."""
    if not _REF.fullmatch(name) or (_ODD_IN_REF.search(name) and name != f"{_BRANCHES}.invalid"):
        raise _Odd
    return name


def _line(path: Path, prefix: str = "") -> str:
    try:
        text = read_own_file(path, SMALL).decode()
    except UnicodeDecodeError:
        raise _Odd from None
    text = text.removesuffix("\n").removesuffix("\r")
    if not text.startswith(prefix) or "\n" in text or "\0" in text:
        raise _Odd
    return text.removeprefix(prefix)
