"""Session records as the client writes them, of this very test process, with a socket that answers."""

import json
import os
import socket
from pathlib import Path
from typing import Any

from multifleet.sessions.processes import pid_domain, started_at

SESSION_ID = "85f25b7e-8348-4b79-bdeb-0f2f2dc40cb5"


class Registered:
    """A record under <config>/sessions for this process; `with` closes its socket."""

    def __init__(self, config: Path, **changes: Any) -> None:
        self.config = config
        (config / "sessions").mkdir(parents=True, exist_ok=True)
        self.socket_path = config / "inbox.sock"
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.listener.bind(str(self.socket_path))
        self.listener.listen(8)
        self.pid = os.getpid()
        self.record = {
            "pid": self.pid,
            "sessionId": SESSION_ID,
            "cwd": "/home/fleet/api",
            "startedAt": 1_795_215_262_589,
            "procStart": started_at(self.pid),
            "version": "2.1.329",
            "kind": "interactive",
            "entrypoint": "cli",
            "pidDomain": pid_domain(),
            "messagingSocketPath": str(self.socket_path),
            "name": "api-worker",
            "status": "idle",
            "updatedAt": 1_795_215_262_687,
        }
        self.write(**changes)

    @property
    def path(self) -> Path:
        return self.config / "sessions" / f"{self.pid}.json"

    def write(self, **changes: Any) -> None:
        """Writes the record with these members changed; None removes one."""
        self.record.update(changes)
        self.record = {key: value for key, value in self.record.items() if value is not None}
        half = self.path.with_suffix(".half")
        half.write_text(json.dumps(self.record))
        half.replace(self.path)  # as the client does: nobody reads the half of one

    def __enter__(self) -> "Registered":
        return self

    def __exit__(self, *exc: object) -> None:
        self.listener.close()
