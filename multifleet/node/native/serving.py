"""To which sessions remote seats are shown: to versions of clients with which that was measured, and to those that have
passed a test on this machine."""

from collections import Counter
from collections.abc import Iterable, Mapping

import msgspec

from multifleet.errors import StoreUnavailable
from multifleet.node.clock import NodeClock
from multifleet.node.counters import Counters
from multifleet.node.native.keyed_tasks import KeyedTasks
from multifleet.node.offering.clients import SOCKET, Clients, Verdict, rest_after
from multifleet.sessions.base import Session
from multifleet.sessions.claude_registry import CLIENT
from multifleet.sessions.native_dialect import NativeDialect
from multifleet.store.store import Store

KEY = "selftest native "
"""How the keys begin under which the store has what tests of Claude Code found."""


class Serving:
    """One for the node."""

    def __init__(
        self,
        store: Store,
        clock: NodeClock,
        counters: Counters,
        clients: Clients,
        dialects: Iterable[NativeDialect],
    ) -> None:
        self._store = store
        self._clock = clock
        self._counters = counters
        self._clients = clients
        self._dialects = {dialect.client: dialect for dialect in dialects}
        self._verdicts: dict[tuple[str, str], Verdict] = {}
        """By client and version."""
        self._failures: Counter[tuple[str, str]] = Counter()
        """In a row, since the daemon began."""
        self._tests: KeyedTasks[tuple[str, str]] = KeyedTasks()

    async def load(self) -> None:
        """Read what earlier tests found."""
        for key, value in (await self._store.meta.all()).items():
            for client in self._dialects:
                if key.startswith(_key(client)):
                    verdict = msgspec.json.decode(value, type=Verdict)
                    self._verdicts[client, verdict.version] = verdict

    async def run(self) -> None:
        """Until cancelled: tests run in this."""
        await self._tests.run()

    def verdicts(self, client: str) -> Mapping[str, Verdict]:
        """What tests of a client found, by version."""
        return {version: verdict for (of, version), verdict in self._verdicts.items() if of == client}

    def serves(self, session: Session) -> bool:
        """Whether its client may be shown remote seats now; a version that is not known yet is tested."""
        dialect = self._dialects.get(session.client)
        if dialect is None or session.socket is None:
            return False
        if session.client == CLIENT and self._clients.way_to(session) != SOCKET:
            return False  # its inbox, which nobody documents, is used only where it is known to work
        if session.version in dialect.measured:
            return True
        which = (session.client, session.version)
        verdict = self._verdicts.get(which)
        rest = rest_after(self._failures[which])
        is_fresh = verdict is not None and (verdict.ok or 0.0 <= self._clock.wall() - verdict.at < rest)
        if not is_fresh and self._tests.is_running and which not in self._tests:
            self._tests.start(which, self._try(dialect, session), f"native self-test of {' '.join(which)}")
        return verdict is not None and verdict.ok

    async def _try(self, dialect: NativeDialect, session: Session) -> None:
        which = (session.client, session.version)
        result = await dialect.test(session)
        verdict = Verdict(session.version, result.ok, result.detail, result.at)
        if not result.ok:
            self._counters.failed(
                "native_selftest_failed", client=session.client, version=session.version, detail=result.detail
            )
        self._failures[which] = 0 if result.ok else self._failures[which] + 1
        self._verdicts[which] = verdict
        try:
            await self._store.meta.set(_key(session.client) + session.version, msgspec.json.encode(verdict).decode())
        except StoreUnavailable as error:
            self._counters.failed("selftest_not_kept", reason=error)  # it counts until the next start


def _key(client: str) -> str:
    return KEY if client == CLIENT else f"selftest {client} native "
