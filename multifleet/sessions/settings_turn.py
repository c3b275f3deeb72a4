"""One at a time: whoever puts something of ours into clients' settings, or takes it out, has others wait: of this node,
and of every other home on the machine that means the same settings.

The kernel ends a turn with its process, however that ends. No file is made beside the user's.
"""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from multifleet.sessions.settings_file import real_place

NAME = "settings.lock"


@contextlib.contextmanager
def turn(home: Path, settings: Path) -> Iterator[None]:
    """Have a client's settings to oneself; where there is no node, nothing is remembered there."""
    with contextlib.ExitStack() as stack:
        if home.is_dir():
            fcntl.flock(_opened(stack, home / NAME, os.O_RDWR | os.O_CREAT), fcntl.LOCK_EX)
        folder = real_place(settings).parent
        place = next(one for one in (folder, *folder.parents) if one.is_dir())
        _lock_folder(_opened(stack, place, os.O_RDONLY | os.O_DIRECTORY))
        if place != folder and folder.is_dir():  # who had the turn before made it
            _lock_folder(_opened(stack, folder, os.O_RDONLY | os.O_DIRECTORY))
        yield


def _opened(stack: contextlib.ExitStack, path: Path, how: int) -> int:
    descriptor = os.open(path, how | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    stack.callback(os.close, descriptor)
    return descriptor


def _lock_folder(descriptor: int) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
    except OSError:
        pass  # a file system that locks no folders, as NFS: there the home's lock has to do
