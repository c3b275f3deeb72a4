"""How remote seats look to Claude Code, and how it is told of a message that its model sent to one, as measured with
2.1.329."""

from pathlib import Path
from typing import Any

from multifleet.core.native import Entry
from multifleet.sessions.base import Session
from multifleet.sessions.claude_inbox import ReplySocket, report
from multifleet.sessions.claude_registry import CLIENT, ClaudeRegistry
from multifleet.sessions.native_records import NativeRecords


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


class ClaudeNative:
    """One for the node."""

    client = CLIENT
    tells_status = True

    def __init__(self, registry: ClaudeRegistry) -> None:
        self._registry = registry
        self.config = registry.config

    def records(self, config: Path, domain: str) -> NativeRecords:
        """Those under a folder of the client."""
        return NativeRecords(config, domain, ClaudeShape())

    async def report(
        self, session: Session, *, about: str, status: str, reason: str, reply: ReplySocket, was_held: bool
    ) -> None:
        """Tell a session what became of its message; Unreachable or UnknownOutcome."""
        await report(self._registry, session, about=about, status=status, reason=reason, reply=reply)
