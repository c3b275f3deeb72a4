"""Copies of seeds where older hooks look for them: /tmp/fleet-seed-<seat>-<random>.md. Written on request, never read.

The folder is everybody's, so a copy is made only under a name that did not exist, and for this user's eyes.
"""

import contextlib
import os
import secrets
from pathlib import Path

PLACE = Path("/tmp")


def write_copy(seat: str, text: str, place: Path = PLACE) -> Path:
    """Write one copy; its path. OSError where that cannot be done."""
    path = place / f"fleet-seed-{seat}-{secrets.token_hex(8)}.md"
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    return path


def remove_copy(path: Path) -> None:
    """Remove one copy, if it is still there."""
    with contextlib.suppress(OSError):  # taken away by its reader, or another's by now
        os.unlink(path)
