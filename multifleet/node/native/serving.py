"""To which clients remote seats are shown: to versions with which that was measured, and to those that have passed a
test on this machine."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

import msgspec

from multifleet.errors import StoreUnavailable
from multifleet.node.clock import NodeClock
from multifleet.node.counters import Counters
from multifleet.node.offering.clients import AGAIN, SOCKET, Clients, Verdict
from multifleet.sessions.base import Session
from multifleet.sessions.claude_registry import CLIENT
from multifleet.sessions.claude_selftest import SelfTest
from multifleet.sessions.native_selftest import native_self_test
from multifleet.store.store import Store

MEASURED = frozenset({"2.1.329"})
"""Versions of Claude Code with which all of it was measured."""
KEY = "selftest native "


class Serving:
    """One for the node."""

    def __init__(
        self,
        store: Store,
        clock: NodeClock,
        counters: Counters,
        clients: Clients,
        test: Callable[[Path, str], Awaitable[SelfTest]] = native_self_test,
    ) -> None:
        self._store = store
        self._clock = clock
        self._counters = counters
        self._clients = clients
        self._test = test
        self._verdicts: dict[str, Verdict] = {}
        self._tests: dict[str, asyncio.Task[None]] = {}
        self._group: asyncio.TaskGroup | None = None

    async def load(self) -> None:
        """Read what earlier tests found."""
        for key, value in (await self._store.meta.all()).items():
            if key.startswith(KEY):
                verdict = msgspec.json.decode(value, type=Verdict)
                self._verdicts[verdict.version] = verdict

    async def run(self) -> None:
        """Until cancelled: tests run in this."""
        try:
            async with asyncio.TaskGroup() as group:
                self._group = group
                await asyncio.Event().wait()
        finally:
            self._group = None
            self._tests.clear()

    @property
    def verdicts(self) -> Mapping[str, Verdict]:
        """What tests found, by version."""
        return dict(self._verdicts)

    def serves(self, session: Session) -> bool:
        """Whether its client may be shown remote seats now; a version that is not known yet is tested."""
        if session.client != CLIENT or self._clients.way_to(session) != SOCKET:
            return False
        if session.version in MEASURED:
            return True
        verdict = self._verdicts.get(session.version)
        is_fresh = verdict is not None and (verdict.ok or 0.0 <= self._clock.wall() - verdict.at < AGAIN)
        if not is_fresh and self._group is not None and session.version not in self._tests:
            task = self._group.create_task(self._try(session), name=f"native self-test of {session.version}")
            self._tests[session.version] = task
        return verdict is not None and verdict.ok

    async def _try(self, session: Session) -> None:
        result = await self._test(Path(f"/proc/{session.pid}/exe"), session.version)
        verdict = Verdict(session.version, result.ok, result.detail, result.at)
        if not result.ok:
            self._counters.failed("native_selftest_failed", version=session.version, detail=result.detail)
        self._verdicts[session.version] = verdict
        try:
            await self._store.meta.set(KEY + session.version, msgspec.json.encode(verdict).decode())
        except StoreUnavailable as error:
            self._counters.failed("selftest_not_kept", reason=error)  # it counts until the next start
        self._tests.pop(session.version, None)
