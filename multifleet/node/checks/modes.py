"""May anybody but this user read or change what lies in the home, and was anything planted there."""

import errno
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from multifleet.node.checks.finding import Finding, fail, ok
from multifleet.paths import socket_path

MOST_LOOKED_AT = 20_000
SHOWN = 3
OURS = (
    "config.json",
    "drop",
    "fleet.json",
    "keys",
    "lock",
    "logs",
    "node",
    "repairs",
    "running",
    "seeds",
    "socket",
    "starting",
    "store.db",
    "supervisor",
    "token",
    "waiters",
)
"""What the node keeps in its home, and what begins so; what a user puts there beside it is his own."""
_LINKS_ALLOWED = ("config.json", "logs")
"""Users keep these elsewhere; what they lead to must be private all the same."""


@dataclass(frozen=True, slots=True)
class Open:
    """One thing that is not as private as it must be."""

    path: Path
    what: str
    remedy: str


def private(home: Path) -> Finding:
    """Looks at all that the node keeps in its home, and at the socket. Blocks for the disk."""
    try:
        looked_at, found = _look(home)
    except OSError as error:
        explained = () if error.errno in (errno.EACCES, errno.EPERM) else ("disk", "keys")
        return fail(f"{error.filename} cannot be looked at ({error.strerror})", _own(home), *explained)
    if not found:
        return ok(f"{home} is 0700 and only yours, as are the {looked_at} files and folders in it")
    shown = ", ".join(f"{one.path} {one.what}" for one in found[:SHOWN])
    more = f" and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
    return fail(f"{shown}{more}", "; ".join(dict.fromkeys(one.remedy for one in found[:SHOWN])))


def _look(home: Path) -> tuple[int, list[Open]]:
    found: list[Open] = []
    looked_at = 0
    for path in _all(home):
        looked_at += 1
        try:
            if (wrong := _wrong(home, path)) is not None:
                found.append(wrong)
        except FileNotFoundError:
            looked_at -= 1  # it was taken while we looked
    place = socket_path(home)
    if place.parent != home:
        for path in (place.parent, place):
            if os.path.lexists(path) and (wrong := _wrong(home, path)) is not None:
                found.append(wrong)
    return looked_at - 1, found


def _all(home: Path) -> Iterator[Path]:
    yield home
    left = MOST_LOOKED_AT
    waiting = [home]
    while waiting:
        with os.scandir(waiting.pop()) as entries:
            for entry in entries:
                path = Path(entry.path)
                if path.parent == home and not entry.name.startswith(OURS):
                    continue
                yield path
                left -= 1
                if left <= 0:
                    return
                if entry.is_dir(follow_symlinks=False) and entry.stat(follow_symlinks=False).st_uid == os.geteuid():
                    waiting.append(path)


def _wrong(home: Path, path: Path) -> Open | None:
    found = os.lstat(path)
    if stat.S_ISLNK(found.st_mode):
        if path != home and path.name not in _LINKS_ALLOWED:
            return Open(path, "is a link, and none belongs there", f"rm {path}")
        found = os.stat(path)
    if found.st_uid != os.geteuid():
        return Open(path, f"belongs to user {found.st_uid}", f"sudo chown {os.geteuid()} {path}")
    mode = stat.S_IMODE(found.st_mode)
    if mode & 0o077:
        wanted = "700" if stat.S_ISDIR(found.st_mode) else "600"
        return Open(path, f"has mode {mode:04o}: others may use it", f"chmod {wanted} {path}")
    return None


def _own(home: Path) -> str:
    return f"sudo chown -R {os.geteuid()} {home}; chmod -R u+rwX,go= {home}"
