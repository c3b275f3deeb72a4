"""What was set aside in drop/refused, for a person to look at: kept within bounds, for whoever may leave frames here
could fill the disk with it. Nothing of it is ever read.
"""

import os
from pathlib import Path

FILES, BYTES, AGE = 100, 16 * 1024 * 1024, 30 * 86_400.0
"""What is kept at most: so many files, so many bytes of them, for so many seconds."""


def set_aside(path: Path, folder: Path) -> None:
    """Move what lies there into the folder; OSError where that cannot be."""
    folder.mkdir(mode=0o700, exist_ok=True)
    os.rename(path, folder / path.name)


def tidy(folder: Path, now: float) -> int:
    """Remove what is too much, the oldest first; how many. Blocks.

    A file's age counts from when it was set aside, which the system noted: whoever wrote it could date it as he likes.
    """
    found = []
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                known = entry.stat(follow_symlinks=False)
                found.append((known.st_ctime, known.st_size, entry.path))
    except OSError:
        return 0  # there is none, or it goes away this moment
    files = total = removed = 0
    for at, size, path in sorted(found, reverse=True):
        files, total = files + 1, total + size
        if files > FILES or total > BYTES or now - at > AGE:
            removed += _remove(path)
    return removed


def _remove(path: str) -> bool:
    try:
        if os.path.isdir(path) and not os.path.islink(path):
            os.rmdir(path)
        else:
            os.unlink(path)
    except OSError:
        return False  # gone, or a folder with something in it, which nothing here makes
    return True
