"""How records of remote seats look to Qwen Code: those of an external program, as its maker documents them."""

import os
import re
from pathlib import Path
from typing import Any

from multifleet.core.native import Entry
from multifleet.sessions.processes import started_at
from multifleet.sessions.qwen_registry import EXTERNAL, SCHEMA, boot_id, pid_namespace

_NAME = re.compile(r"[1-9][0-9]{0,9}-[0-9a-f]{8}\.json")


class QwenShape:
    """Records of this very process, one for each seat; they die with it, in the client's eyes too.

    They name no token: with that none is asked of who connects, and the kernel says who it is.
    """

    mark = "multifleet"

    def __init__(self) -> None:
        self._pid = os.getpid()
        start, boot = started_at(self._pid), boot_id()
        self._start = f"{boot}:{start}" if boot and start else None
        self._namespace = pid_namespace()

    def name(self, number: int) -> str:
        """Of the file."""
        return f"{self._pid}-{number:08x}.json"

    def is_name(self, name: str) -> bool:
        """Whether it is one of those of a process that has several."""
        return _NAME.fullmatch(name) is not None

    def record(self, entry: Entry, socket: Path, now: float) -> dict[str, Any]:
        """What it lists."""
        node = entry.address.partition("/")[0]
        return {
            "schemaVersion": SCHEMA,
            "pid": self._pid,
            "procStart": self._start,
            "pidNs": self._namespace,
            "sessionId": entry.session_id,
            # The client's words to its model are "on this machine, working in" this; and short, for of a list of more
            # than 25,000 characters it is given the ends.
            "cwd": f"{node} (another machine)",
            "name": entry.address,
            "startedAt": round(entry.since * 1000),
            "qwenVersion": None,
            "kind": EXTERNAL,
            "ipcPath": str(socket),
        }
