"""Opens files that another program of this user left for us, and nothing that somebody else could have
planted there.

Links and pipes are never followed or waited for, another user's files are never read, and no more than a
limit is.
"""

import os
import stat
from pathlib import Path


class NotOurs(Exception):
    """The file is there and must not be used; the message says why."""


def read_own_file(path: Path, limit: int) -> bytes:
    """The content of a regular file of this user; NotOurs says what is wrong with it, OSError that it cannot
    be had."""
    descriptor = open_own_file(path)
    try:
        if os.fstat(descriptor).st_size > limit:
            raise NotOurs(f"larger than {limit} bytes")
        content = bytearray()
        while len(content) <= limit and (piece := os.read(descriptor, 65536)):
            content += piece
    finally:
        os.close(descriptor)
    if len(content) > limit:
        raise NotOurs(f"larger than {limit} bytes")
    return bytes(content)


def open_own_file(path: Path) -> int:
    """A descriptor for reading a regular file of this user; the caller closes it."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        if path.is_symlink():
            raise NotOurs("a symbolic link") from error
        raise
    found = os.fstat(descriptor)
    reason = None
    if not stat.S_ISREG(found.st_mode):
        reason = "not a regular file"
    elif found.st_uid != os.getuid():
        reason = "another user's file"
    if reason is not None:
        os.close(descriptor)
        raise NotOurs(reason)
    return descriptor


def is_private_folder(path: Path) -> bool:
    """Whether this is a folder of this user that nobody else may enter, and not a link to one."""
    try:
        found = os.lstat(path)
    except OSError:
        return False
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid() and not found.st_mode & 0o077


def make_private_folder(path: Path) -> None:
    """Makes the folder (0700) if it is missing; NotOurs when what lies there cannot be trusted."""
    try:
        os.mkdir(path, 0o700)
    except FileExistsError:
        if not is_private_folder(path):
            raise NotOurs(f"{path} is not a private folder of this user") from None
