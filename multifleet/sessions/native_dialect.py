"""What native presence needs of an agent client: where it lists sessions, and how it is told of a message it sent."""

from pathlib import Path
from typing import Protocol

from multifleet.sessions.base import Session
from multifleet.sessions.claude_inbox import ReplySocket
from multifleet.sessions.claude_selftest import SelfTest
from multifleet.sessions.native_records import NativeRecords


class NativeDialect(Protocol):
    """One for each client that can list remote seats."""

    client: str
    config: Path
    """The client's own folder."""
    tells_status: bool
    """Whether its records say what a session does."""

    measured: frozenset[str]
    """Versions with which all of it was measured."""

    def records(self, config: Path, domain: str) -> NativeRecords:
        """Those under a folder of the client."""
        ...

    async def report(
        self, session: Session, *, about: str, status: str, reason: str, reply: ReplySocket, was_held: bool
    ) -> None:
        """Tell a session what became of the message `about` that it sent to `reply`; Unreachable or UnknownOutcome.

        `status`: held, delivered, refused or expired. `was_held`: whether it was told before that it is held.
        """
        ...

    async def report_unsent(self, session: Session, *, about: str, reply: ReplySocket, is_over_budget: bool) -> None:
        """Tell a session that its message could not be sent at all, where the client has words for that; the same."""
        ...

    async def test(self, session: Session) -> SelfTest:
        """Find out whether this session's version of the client does what is needed; takes seconds, never raises."""
        ...
