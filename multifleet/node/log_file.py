"""The log beside the home of a node: of its daemon, and of what the command line does where none runs.

Never writes to the terminal.
"""

import logging
import logging.handlers
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

LOG_BYTES, LOG_FILES = 2_000_000, 3


class _LogFile(logging.handlers.RotatingFileHandler):
    def handleError(self, record: logging.LogRecord) -> None:
        """A disk that takes no line takes no complaint about it either; the counters have what happened."""


def open_log(home: Path, *, delay: bool = False) -> logging.Handler:
    """The handler that writes to it; `delay`: no file before there is a line."""
    handler = _LogFile(home / "logs" / "daemon.log", maxBytes=LOG_BYTES, backupCount=LOG_FILES, delay=delay)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    return handler


@contextmanager
def logged(home: Path) -> Iterator[None]:
    """What is logged meanwhile goes there."""
    log = logging.getLogger("multifleet")
    handler = open_log(home, delay=True)
    log.addHandler(handler)
    try:
        yield
    finally:
        log.removeHandler(handler)
        handler.close()
