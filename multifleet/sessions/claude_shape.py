"""How records of remote seats look to Claude Code, as measured with 2.1.329."""

from pathlib import Path
from typing import Any

from multifleet.core.native import Entry


class ClaudeShape:
    """A number above all process ids, and a set of process ids that is never the client's own."""

    mark = "pidDomain"

    def name(self, number: int) -> str:
        """Of the file."""
        return f"{number}.json"

    def is_name(self, name: str) -> bool:
        """Whether it is a number's."""
        return name.endswith(".json") and name[:-5].isdecimal()

    def record(self, entry: Entry, socket: Path, now: float) -> dict[str, Any]:
        """What it lists."""
        record: dict[str, Any] = {
            "pid": entry.number,
            "sessionId": entry.session_id,
            "cwd": "/",
            "startedAt": round(entry.since * 1000),
            "kind": "interactive",
            "messagingSocketPath": str(socket),
            "name": entry.address,
            "peerProtocol": 1,
            "peerFeatures": ["notify_idle"],
            "updatedAt": round(now * 1000),
        }
        if entry.status:
            record |= {"status": entry.status, "statusUpdatedAt": round(now * 1000)}
        return record
