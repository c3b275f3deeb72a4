"""What there is to say of this daemon's configuration: values that are of no use, and files that were changed since it
read them. Reads them again only once they look another way, and changes nothing."""

import asyncio
import os
from pathlib import Path

from multifleet.config import Config, load
from multifleet.errors import ConfigError
from multifleet.node.checks.config import RESTART
from multifleet.node.checks.patience import aside
from multifleet.node.checks.settings import missing, useless
from multifleet.node.setup import Setup

MEND_FIRST = "this daemon goes on with what it has read: mend the file before it is started again"
PATIENCE = 0.5
"""Seconds for files that are named there and may lie on a disk that hangs."""

Look = tuple[tuple[int, int, int] | None, ...]
"""Inode, size and time of the last change of each file; None where there is none."""


class ConfigState:
    """One for the node."""

    def __init__(self, setup: Setup) -> None:
        self._home = setup.home
        self._project = setup.project
        self._used = setup.config
        self._read = setup.read
        self._looked: Look | None = None
        self._changed = ""
        self._is_usable = True
        """Whether a daemon could start with what the files hold now."""
        self._useless: tuple[str, ...] | None = None

    async def words(self) -> tuple[str, ...]:
        """One line for each thing that its user should know."""
        if self._useless is None:
            self._useless = tuple(map(str, useless(self._used)))
        known = self._useless
        try:
            async with asyncio.timeout(PATIENCE):
                return (*known, *await aside(self._of_files))
        except TimeoutError:
            return known

    def changed(self) -> str:
        """That a daemon which starts now would read something else, in words; empty where it would not. Blocks."""
        look = self._look()
        if self._read is not None and look != self._looked:
            self._looked, self._changed = look, self._compare(self._read)
        return self._changed

    def _of_files(self) -> tuple[str, ...]:
        changed = self.changed()
        then = f": {RESTART}" if self._is_usable else f"; {MEND_FIRST}"
        return (*map(str, missing(self._used)), *([changed + then] if changed else []))

    def _compare(self, read: Config) -> str:
        self._is_usable = True
        try:
            now = load(self._home, self._project)
        except ConfigError as error:
            self._is_usable = False
            return f"config.json was changed since the daemon started, and none could start with it: {error}"
        names = [field for field in Config.__struct_fields__ if getattr(now, field) != getattr(read, field)]
        if not names:
            return ""
        return f"config.json was changed since the daemon started ({', '.join(names)}), and counts from its next start"

    def _look(self) -> Look:
        places = [self._home, *([self._project / ".multifleet"] if self._project is not None else [])]
        return tuple(_seen(place / "config.json") for place in places)


def _seen(path: Path) -> tuple[int, int, int] | None:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns
