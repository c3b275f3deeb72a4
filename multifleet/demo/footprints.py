"""Folders that an agent client makes outside its home and leaves behind; none is taken from anybody else."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

CLIENT_FOLDERS = (Path("/tmp/cc-socks"), Path(f"/tmp/claude-{os.getuid()}"))
"""Made by Claude Code wherever its home is."""


@contextmanager
def removing_new(folders: Sequence[Path] = CLIENT_FOLDERS) -> Iterator[None]:
    """Afterwards removes those of the folders that were not there before and are empty."""
    new = [folder for folder in folders if not folder.exists()]
    try:
        yield
    finally:
        for folder in new:
            with suppress(OSError):  # it is not there, or somebody else uses it by now
                folder.rmdir()
