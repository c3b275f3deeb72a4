"""Tells whether a process is still the one it was: a pid alone is given to somebody else sooner or later."""

import os
import socket
import struct
import sys
from dataclasses import dataclass

_CONNECTED = ("01", "02")
"""ESTABLISHED and SYN_SENT."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """Who is at the other end of a Unix socket, in the kernel's word."""

    pid: int
    uid: int


def started_at(pid: int) -> str | None:
    """The process's start (field 22 of /proc/<pid>/stat; "" where there is no /proc); None when it does not
    run."""
    if pid <= 0:
        return None
    if not sys.platform.startswith("linux"):
        return "" if _answers_signals(pid) else None
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            fields = file.read().rpartition(b")")[2].split()
        return None if fields[0] in (b"Z", b"X") else fields[19].decode()
    except (OSError, IndexError):
        return None


def owner_of(pid: int) -> int | None:
    """The uid a process runs as; None when it is gone or the system does not tell."""
    try:
        return os.stat(f"/proc/{pid}").st_uid
    except OSError:
        return None


def is_connected(pid: int) -> bool | None:
    """Whether a process has a connection by TCP, made or being made; None where the system does not tell."""
    try:
        links = [os.readlink(one.path) for one in os.scandir(f"/proc/{pid}/fd")]
        tables = [_table(pid, name) for name in ("tcp", "tcp6")]
    except OSError:
        return None
    own = {link[8:-1] for link in links if link.startswith("socket:[")}
    rows = (line.split() for table in tables for line in table.splitlines()[1:])
    return any(len(row) > 9 and row[3] in _CONNECTED and row[9] in own for row in rows)


def pid_domain() -> str | None:
    """In which set of process ids this process counts, in the words of Claude Code; None off Linux."""
    if not sys.platform.startswith("linux"):
        return None
    try:
        with open("/etc/machine-id", encoding="ascii") as file:
            machine = file.read().strip()
    except (OSError, UnicodeDecodeError):
        machine = ""
    try:
        return f"linux:{machine}:{os.readlink('/proc/self/ns/pid')}"
    except OSError:
        return None


def credentials(connection: socket.socket) -> Credentials | None:
    """The process at the other end; for a connected client: the one that listens. None when it is not
    told."""
    try:
        if sys.platform.startswith("linux"):
            pid, uid, _ = struct.unpack("3i", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
            return Credentials(pid, uid)
        # macOS: LOCAL_PEERPID is 2 and LOCAL_PEERCRED is 1, both at level 0
        (pid,) = struct.unpack("i", connection.getsockopt(0, 2, 4))
        _, uid = struct.unpack_from("II", connection.getsockopt(0, 1, 76))
        return Credentials(pid, uid)
    except (OSError, struct.error):
        return None


def _answers_signals(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except PermissionError:
        return True
    except OSError:
        return False
    return True


def _table(pid: int, name: str) -> str:
    try:
        with open(f"/proc/{pid}/net/{name}", encoding="ascii") as file:
            return file.read()
    except FileNotFoundError:
        return ""
