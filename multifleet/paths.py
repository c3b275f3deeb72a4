"""Where a node's files lie. Imports next to nothing, because the command line and the hooks start with it."""

import hashlib
import os
from pathlib import Path

SOCKET_PATH_LIMIT = 100
"""Bytes; a Unix socket's path may have 104 on macOS and 108 on Linux, with the final NUL."""


def home_path() -> Path:
    """The node's home: $MULTIFLEET_HOME, else ~/.multifleet."""
    chosen = os.environ.get("MULTIFLEET_HOME")
    return Path(chosen).expanduser().absolute() if chosen else Path.home() / ".multifleet"


def socket_path(home: Path) -> Path:
    """The daemon's Unix socket: in its home, or in a private folder of this user where that path is too long."""
    near = home / "socket"
    if len(os.fsencode(near)) <= SOCKET_PATH_LIMIT:
        return near
    runtime = os.environ.get("XDG_RUNTIME_DIR") or f"/tmp/mf-{os.getuid()}"
    return Path(runtime) / f"mf-{hashlib.sha256(os.fsencode(home)).hexdigest()[:16]}.sock"
