"""Claude Code's part in native presence, as measured with 2.1.329."""

from pathlib import Path

from multifleet.sessions.base import Session
from multifleet.sessions.claude_inbox import ReplySocket, report
from multifleet.sessions.claude_registry import CLIENT, ClaudeRegistry
from multifleet.sessions.claude_selftest import SelfTest
from multifleet.sessions.claude_shape import ClaudeShape
from multifleet.sessions.native_records import NativeRecords
from multifleet.sessions.native_selftest import native_self_test


class ClaudeNative:
    """One for the node."""

    client = CLIENT
    tells_status = True
    measured = frozenset({"2.1.329"})

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

    async def report_unsent(self, session: Session, *, about: str, reply: ReplySocket, is_over_budget: bool) -> None:
        """Nothing: a message of our own says it."""

    async def test(self, session: Session) -> SelfTest:
        """Whether this session's version lists records of ours and writes to them; takes seconds."""
        return await native_self_test(Path(f"/proc/{session.pid}/exe"), session.version)
