"""The file `running` in a home: how its daemon was started, as long as nobody has stopped it on purpose.

A daemon that was killed, or ended by a fault, leaves it behind: that is what tells it from one that its user stopped,
which nothing starts again. It decides nothing about who runs now; only the lock does.
"""

import json
import os

FILE_LIMIT = 64 * 1024


class Running:
    """What a daemon was started with."""

    __slots__ = ("binds", "path", "pid", "port")

    def __init__(self, pid: int, port: int, binds: list[str], path: str) -> None:
        self.pid = pid
        self.port = port
        self.binds = binds
        self.path = path
        """Its $PATH: whoever starts it again may have come by SSH, with another one."""


def note(home: str, port: int, binds: list[str]) -> None:
    """This process is the daemon of that home."""
    path = os.environ.get("PATH", "")
    text = json.dumps({"pid": os.getpid(), "port": port, "binds": binds, "path": path}).encode() + b"\n"
    aside = f"{_place(home)}.{os.getpid()}"
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        os.write(descriptor, text)
    finally:
        os.close(descriptor)
    os.replace(aside, _place(home))


def ended_on_purpose(home: str) -> None:
    """Whoever looks will not start it again."""
    try:
        os.unlink(_place(home))
    except FileNotFoundError:
        pass  # a disk that was full had no room for it


def left_by(home: str) -> Running | None:
    """How the last daemon of that home was started; None where it was stopped on purpose, or never ran."""
    try:
        with open(_place(home), "rb") as file:
            found = json.loads(file.read(FILE_LIMIT))
        binds = found["binds"]
        return Running(int(found["pid"]), int(found["port"]), [str(bind) for bind in binds], str(found["path"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _place(home: str) -> str:
    return os.path.join(home, "running")
