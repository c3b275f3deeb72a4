"""Where a node's files lie. Imports next to nothing, because the command line and the hooks start with it."""

import os

TYPE_CHECKING = False  # type checkers take it for true; importing typing would cost every command 6 ms

if TYPE_CHECKING:
    from pathlib import Path

SOCKET_PATH_LIMIT = 100
"""Bytes; a Unix socket's path may have 104 on macOS and 108 on Linux, with the final NUL."""


def home_folder() -> str:
    """The node's home, absolute: $MULTIFLEET_HOME, else ~/.multifleet."""
    chosen = os.environ.get("MULTIFLEET_HOME") or "~/.multifleet"
    return os.path.abspath(os.path.expanduser(chosen))


def home_path() -> "Path":
    """The node's home as a Path."""
    from pathlib import Path

    return Path(home_folder())


def socket_place(home: str) -> str:
    """The daemon's Unix socket: in its home, or where that path is too long in a private folder of this user."""
    near = os.path.join(home, "socket")
    if len(os.fsencode(near)) <= SOCKET_PATH_LIMIT:
        return near
    import hashlib

    runtime = os.environ.get("XDG_RUNTIME_DIR") or f"/tmp/mf-{os.getuid()}"
    return os.path.join(runtime, f"mf-{hashlib.sha256(os.fsencode(home)).hexdigest()[:16]}.sock")


def is_foreign(place: str, home: str) -> bool:
    """Whether the socket lies in a shared folder that is not this user's alone: somebody else may listen there."""
    folder = os.path.dirname(place)
    if folder == home:
        return False
    try:
        found = os.lstat(folder)
    except OSError:
        return False  # nobody listens there
    return found.st_uid != os.getuid() or bool(found.st_mode & 0o077)


def socket_path(home: "Path") -> "Path":
    """The same for a home that is a Path."""
    from pathlib import Path

    return Path(socket_place(str(home)))


def program_on(path: str | None, name: str) -> str | None:
    """A program in the folders of a $PATH (None: this process's own); shutil would bring all compressors with it."""
    folders = (os.environ.get("PATH", os.defpath) if path is None else path).split(os.pathsep)
    places = (os.path.join(folder, name) for folder in folders if folder)
    return next((place for place in places if os.access(place, os.X_OK) and os.path.isfile(place)), None)
