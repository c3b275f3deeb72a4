"""Who listens on a port of this machine, as far as the system tells this user. Knows Linux only; elsewhere nobody is
named."""

import os
import re
from dataclasses import dataclass
from pathlib import Path

LISTENS, UDP_BOUND = "0A", "07"
_TABLES = (("tcp", LISTENS), ("tcp6", LISTENS), ("udp", UDP_BOUND), ("udp6", UDP_BOUND))


@dataclass(frozen=True, slots=True)
class Listener:
    """One program; `pid` and `name` are None where it is another user's."""

    uid: int
    pid: int | None
    name: str | None

    def __str__(self) -> str:
        if self.pid is None:
            return f"a program of user {self.uid}"
        return f"{self.name} (pid {self.pid})"


def who_listens(port: int) -> list[Listener]:
    """Every program that listens on this port, TCP or UDP, on whatever address."""
    inodes: dict[str, int] = {}
    for table, state in _TABLES:
        inodes |= _open_on(table, state, port)
    if not inodes:
        return []
    holders = _holders(set(inodes))
    found = [Listener(uid, *holders.get(inode, (None, None))) for inode, uid in inodes.items()]
    return list(dict.fromkeys(found))


def _open_on(table: str, state: str, port: int) -> dict[str, int]:
    try:
        lines = Path("/proc/net", table).read_text(encoding="ascii").splitlines()[1:]
    except OSError:
        return {}
    found = {}
    for line in lines:
        fields = line.split()
        if fields[3] == state and int(fields[1].rpartition(":")[2], 16) == port:
            found[fields[9]] = int(fields[7])
    return found


def _holders(inodes: set[str]) -> dict[str, tuple[int, str]]:
    """Process and name by socket inode; processes of other users are not open to us."""
    found: dict[str, tuple[int, str]] = {}
    for name in os.listdir("/proc"):
        if not name.isdecimal():
            continue
        try:
            for descriptor in os.listdir(f"/proc/{name}/fd"):
                match = re.fullmatch(r"socket:\[(\d+)\]", _link(f"/proc/{name}/fd/{descriptor}"))
                if match and match[1] in inodes:
                    found[match[1]] = (int(name), _command(name))
        except OSError:
            continue
        if len(found) == len(inodes):
            break
    return found


def _link(path: str) -> str:
    try:
        return os.readlink(path)
    except OSError:
        return ""


def _command(pid: str) -> str:
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        if words[1:4].count(b"multifleet"):
            return "multifleet"  # Python runs it
        said = Path(f"/proc/{pid}/comm").read_bytes()
    except OSError:
        return "?"
    return "".join(letter if letter.isprintable() else "?" for letter in said.decode(errors="replace").strip())
