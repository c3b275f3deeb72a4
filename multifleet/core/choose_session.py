"""Which live session gets a message for a seat, and how a folder's seat is called.

The rule: a session sits on the seat whose folder is the deepest one that is the session's folder or above it.
Among several sessions on a seat: idle before busy before waiting, then the one active last, then the lowest
pid.
"""

import re
from collections.abc import Collection, Iterable, Mapping
from typing import Protocol, TypeVar

_ORDER = {"idle": 0, "busy": 1, "unknown": 2, "waiting": 3}
_LONGEST_NAME = 63


class Candidate(Protocol):
    """What the choice needs to know of a live session; `active_at` in wall-clock seconds."""

    @property
    def cwd(self) -> str: ...
    @property
    def status(self) -> str: ...
    @property
    def active_at(self) -> float: ...
    @property
    def pid(self) -> int: ...


C = TypeVar("C", bound=Candidate)


def seat_of(cwd: str, seats: Mapping[str, str]) -> str | None:
    """The seat (name -> folder) that a session in this folder sits on: the deepest folder wins, then the
    first name."""
    parts = _parts(cwd)
    best: tuple[int, str] | None = None
    for name, folder in seats.items():
        above = _parts(folder)
        if parts[: len(above)] == above and (best is None or (-len(above), name) < (-best[0], best[1])):
            best = (len(above), name)
    return best[1] if best else None


def choose_session(sessions: Iterable[C], seats: Mapping[str, str], wanted: str | None) -> C | None:
    """The session that gets a message for the wanted seat (None: for the node, whatever the seat)."""
    fitting = [s for s in sessions if wanted is None or seat_of(s.cwd, seats) == wanted]
    return min(fitting, key=lambda s: (_ORDER.get(s.status, 2), -s.active_at, s.pid), default=None)


def seat_name(folder: str, taken: Collection[str]) -> str:
    """A name for a folder's seat: its last part as a slug, with -2, -3, ... when that is taken."""
    parts = _parts(folder)
    slug = re.sub(r"[^a-z0-9._-]+", "-", parts[-1].lower()) if parts else ""
    slug = slug.strip("-._")[:_LONGEST_NAME] or "seat"
    name, number = slug, 1
    while name in taken:
        number += 1
        suffix = f"-{number}"
        name = slug[: _LONGEST_NAME - len(suffix)] + suffix
    return name


def _parts(path: str) -> tuple[str, ...]:
    parts: list[str] = []
    for part in path.split("/"):
        if part == ".." and parts:
            parts.pop()
        elif part not in ("", ".", ".."):
            parts.append(part)
    return tuple(parts)
