"""One at a time: whoever puts something of ours into clients' settings, or takes it out, has others of this node wait.

The kernel ends a turn with its process, however that ends.
"""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

NAME = "settings.lock"


@contextlib.contextmanager
def turn(home: Path) -> Iterator[None]:
    """Have the settings to oneself; where there is no node, nothing is remembered and nobody waits."""
    if not home.is_dir():
        yield
        return
    descriptor = os.open(home / NAME, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
