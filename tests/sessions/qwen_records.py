"""Session records as Qwen Code writes them, of this very test process, with a socket that answers."""

import json
import os
import socket
from pathlib import Path
from typing import Any

from multifleet.sessions.processes import started_at
from multifleet.sessions.qwen_registry import boot_id, pid_namespace

SESSION_ID = "8249d82c-e56f-469d-a0e5-0c028544c543"
TOKEN = "0c" * 32


class QwenRegistered:
    """A record under <home>/sessions for this process; `with` closes its socket."""

    def __init__(self, home: Path, **changes: Any) -> None:
        self.home = home
        (home / "sessions").mkdir(parents=True, exist_ok=True)
        self.socket_path = home / "inbox.sock"
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.listener.bind(str(self.socket_path))
        self.listener.listen(8)
        self.record = {
            "schemaVersion": 1,
            "pid": os.getpid(),
            "procStart": f"{boot_id()}:{started_at(os.getpid())}",
            "pidNs": pid_namespace(),
            "sessionId": SESSION_ID,
            "cwd": "/home/fleet/api",
            "name": "api-65",
            "startedAt": 1_795_301_556_449,
            "qwenVersion": "0.24.4",
            "kind": "tui",
            "ipcPath": str(self.socket_path),
            "ipcToken": TOKEN,
        }
        self.write(**changes)

    def write(self, name: str = "", /, **changes: Any) -> Path:
        """Write the record with these members changed; None removes one."""
        record = {key: value for key, value in (self.record | changes).items() if value is not None}
        path = self.home / "sessions" / (name or f"{os.getpid()}.json")
        path.write_text(json.dumps(record))
        return path

    def __enter__(self) -> "QwenRegistered":
        return self

    def __exit__(self, *exc: object) -> None:
        self.listener.close()
