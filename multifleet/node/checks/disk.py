"""Is there room for what arrives, and can it be written."""

import contextlib
import errno
import os
import secrets
import tempfile
from pathlib import Path

from multifleet.node.checks.finding import Finding, fail, ok, warn

MEGABYTE = 1024 * 1024
TOO_LITTLE = 8 * MEGABYTE
"""Less than the store's write-ahead log may grow to before it is folded in."""
LITTLE = 256 * MEGABYTE
PROBE_BYTES = 65_536
FULL = (errno.ENOSPC, errno.EDQUOT)


def writable(home: Path) -> Finding:
    """The space that is left for this user, and whether a file can really be written. Blocks."""
    try:
        found = os.statvfs(home)
    except OSError as error:
        return fail(
            f"{home} cannot be looked at ({error.strerror})", "set MULTIFLEET_HOME to a folder of yours", "keys"
        )
    free = found.f_bavail * found.f_frsize
    left = f"{free / MEGABYTE:,.0f} MB free where {home} lies"
    if found.f_flag & os.ST_RDONLY:
        return fail(
            f"{home} lies on a read-only file system",
            f"look at the system log for disk errors, then: mount -o remount,rw {_mount_of(home)}",
        )
    try:
        write_there(home)
    except OSError as error:
        if error.errno not in FULL:
            return fail(f"nothing can be written in {home} ({error.strerror})", f"make {home} writable again", "modes")
        return fail(f"the disk is full: {left}", _room(home))
    if found.f_files and not found.f_favail:
        return fail(f"no file can be made any more: the file system of {home} has no inode left", _room(home))
    if free < TOO_LITTLE:
        return fail(f"the disk is all but full: {left}", _room(home))
    if free < LITTLE:
        return warn(f"the disk is getting full: {left}", _room(home))
    return ok(left)


def _room(home: Path) -> str:
    return f"free some space on {_mount_of(home)}: what waits is then taken by itself"


def write_there(home: Path) -> None:
    """Write a file that is gone at once; OSError says why that cannot be done. Blocks."""
    with tempfile.TemporaryFile(prefix=".doctor-", dir=home) as file:
        file.write(secrets.token_bytes(PROBE_BYTES))
        file.flush()


def _mount_of(path: Path) -> Path:
    place = path.resolve()
    with contextlib.suppress(OSError):
        while not place.is_mount() and place != place.parent:
            place = place.parent
    return place
