"""Qwen Code's part in native presence: that of an external program in its documented cross-session protocol."""

import time
import uuid
from pathlib import Path
from typing import Any

from multifleet.sessions.base import Session, Unreachable
from multifleet.sessions.claude_inbox import ReplySocket
from multifleet.sessions.claude_selftest import SelfTest
from multifleet.sessions.native_records import NativeRecords
from multifleet.sessions.qwen_inbox import write_line
from multifleet.sessions.qwen_native_selftest import FACTS, qwen_native_self_test
from multifleet.sessions.qwen_registry import CLIENT, QwenRegistry
from multifleet.sessions.qwen_selftest import command_of
from multifleet.sessions.qwen_shape import QwenShape
from multifleet.sessions.qwen_wire import status_line


class QwenNative:
    """One for the node."""

    client = CLIENT
    tells_status = False
    measured = frozenset({"0.24.4"})

    def __init__(self, registry: QwenRegistry) -> None:
        self._registry = registry
        self.config = registry.home

    def records(self, config: Path, domain: str) -> NativeRecords:
        """Those under a folder of the client."""
        return NativeRecords(config, domain, QwenShape())

    async def report(
        self, session: Session, *, about: str, status: str, reason: str, reply: ReplySocket, was_held: bool
    ) -> None:
        """Tell a session what became of its message; Unreachable or UnknownOutcome."""
        # The client takes "refused" for a first word only.
        said = "denied" if status == "refused" and was_held else status
        await self._tell(session, reply, about=about, status=said, reason=reason)

    async def report_unsent(self, session: Session, *, about: str, reply: ReplySocket, is_over_budget: bool) -> None:
        """Tell a session that its message was not sent; after too many of them the client sends none for a minute."""
        why = "rate-limited" if is_over_budget else None
        await self._tell(session, reply, about=about, status="dropped", reason="not sent", dropped=why)

    async def _tell(self, session: Session, reply: ReplySocket, **words: Any) -> None:
        line = status_line(line_id=str(uuid.uuid4()), from_path=str(reply.path), **words)
        await write_line(self._registry, session, line)

    async def test(self, session: Session) -> SelfTest:
        """Whether this session's version lists records of ours and writes to them; takes seconds."""
        try:
            command = command_of(session.pid)
        except Unreachable as error:
            return SelfTest(session.version, False, f"failed: {error}", time.time(), tuple(FACTS))
        return await qwen_native_self_test(command, session.version)
