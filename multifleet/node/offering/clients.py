"""Which agent client versions take messages through their inbox socket, and which only through hooks.

What Claude Code does there is not documented by its maker, and what is documented of Qwen Code is no proof. A version
is believed when it was measured for this release or when it has passed the self-test on this machine. All others get
their mail by hooks, and `status` says so.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

import msgspec

from multifleet.errors import StoreUnavailable
from multifleet.node.clock import NodeClock
from multifleet.node.counters import Counters
from multifleet.operations.views import ClientView
from multifleet.sessions.base import Session
from multifleet.sessions.claude_hooks import hooks_installed
from multifleet.sessions.claude_registry import CLIENT
from multifleet.sessions.claude_selftest import TRUSTED, SelfTest, self_test
from multifleet.sessions.qwen_inbox_selftest import try_session
from multifleet.sessions.qwen_registry import AT_TERMINAL as WITH_A_PERSON
from multifleet.sessions.qwen_registry import CLIENT as QWEN
from multifleet.sessions.qwen_registry import MEASURED as QWEN_TRUSTED
from multifleet.store.store import Store

KEY = "selftest claude "
KEYS = {CLIENT: KEY, QWEN: "selftest qwen "}
MEASURED = {CLIENT: TRUSTED, QWEN: QWEN_TRUSTED}
SOCKET, HOOKS, TESTING, NONE = "socket", "hooks", "testing", "none"
OTHER = "messages are shown by its hooks, with a prompt"
BY_HOOKS = {"codex": "messages are shown by its hooks: at its first turn, with a prompt, at the end of a turn"}
"""Of clients whose hooks show more than those of the others do."""
NO_HOOKS = "no hook of this session has run since it began, so nothing is laid ready for it; see docs/other-clients.md"
TESTED = "this version is being tested"
TURNED_WORDS = (
    "its inbox refused a message, or its user let one lapse there: it gets the next ones by its hooks, "
    "if it has them; see docs/other-clients.md"
)
TURNED = 500
"""Sessions of which that is remembered."""
AGAIN_FIRST, AGAIN = 300.0, 3600.0
"""Seconds after which a version that failed is tested again, for the machine may just have been too slow: doubled each
time, up to the latter."""


class Verdict(msgspec.Struct, frozen=True):
    """What is known of one version."""

    version: str
    ok: bool
    detail: str
    at: float


def rest_after(failures: int) -> float:
    """Seconds until a version is tested again that has failed so often in a row since the daemon began."""
    return min(AGAIN, AGAIN_FIRST * 2.0 ** min(max(failures, 1) - 1, 16))


async def trial_of(session: Session) -> SelfTest:
    """What the program that a session runs does in a home of its own; takes seconds."""
    if session.client == QWEN:
        return await try_session(session)
    return await self_test(Path(f"/proc/{session.pid}/exe"))


class Clients:
    """One for the node."""

    def __init__(
        self,
        store: Store,
        clock: NodeClock,
        counters: Counters,
        config: Path,
        changed: Callable[[], None],
        runs_hooks: Callable[[str], bool] = lambda session: False,
        trial: Callable[[Session], Awaitable[SelfTest]] = trial_of,
    ) -> None:
        """`runs_hooks` says of a session of another client whether its hooks are known to run; `trial` tests one's
        version."""
        self._store = store
        self._clock = clock
        self._counters = counters
        self._config = config
        self._changed = changed
        self._runs_hooks = runs_hooks
        self._try = trial
        self._verdicts: dict[tuple[str, str], Verdict] = {}
        """By client and version."""
        self._failures: Counter[tuple[str, str]] = Counter()
        """In a row, since the daemon began."""
        self._testing: set[tuple[str, str]] = set()
        self._turned: dict[str, None] = {}
        self._group: asyncio.TaskGroup | None = None

    async def load(self) -> None:
        """Read the results of earlier self-tests."""
        for key, value in (await self._store.meta.all()).items():
            for client, start in KEYS.items():
                if key.startswith(start):
                    verdict = msgspec.json.decode(value, type=Verdict)
                    self._verdicts[client, verdict.version] = verdict

    def start(self, group: asyncio.TaskGroup) -> None:
        """Self-tests run in this group."""
        self._group = group

    def way_to(self, session: Session) -> str:
        """socket, hooks, none, or testing (ask again when told that something changed)."""
        by_hooks = HOOKS if session.client == CLIENT or self._runs_hooks(session.session_id) else NONE
        if session.socket is None or session.session_id in self._turned:
            return by_hooks
        if session.client == QWEN and session.kind != WITH_A_PERSON:
            return by_hooks  # what drives it is asked nothing, and its inbox refuses all
        which = (session.client, session.version)
        verdict = self._verdicts.get(which)
        if verdict is not None:
            if not verdict.ok and not 0.0 <= self._clock.wall() - verdict.at < rest_after(self._failures[which]):
                self._start_test(session)
            return SOCKET if verdict.ok else by_hooks
        if session.version in MEASURED.get(session.client, ()):
            return SOCKET
        self._start_test(session)
        return TESTING if which in self._testing else by_hooks

    def reaches(self, session: Session) -> bool:
        """Whether there is a way to it."""
        return self.way_to(session) != NONE

    def turn_to_hooks(self, session_id: str) -> None:
        """Post no more to a session's inbox: its client keeps from its user what is posted, or lets it lapse."""
        self._turned[session_id] = None
        while len(self._turned) > TURNED:
            del self._turned[next(iter(self._turned))]

    def _start_test(self, session: Session) -> None:
        which = (session.client, session.version)
        if which not in self._testing and self._group is not None:
            self._testing.add(which)
            self._group.create_task(self._test(session), name=f"self-test of {session.client} {session.version}")

    def is_testing(self, session: Session) -> bool:
        """Whether the self-test of a session's version runs now."""
        return (session.client, session.version) in self._testing

    @property
    def verdicts(self) -> Mapping[str, Verdict]:
        """What self-tests of Claude Code found, by version."""
        return {version: verdict for (client, version), verdict in self._verdicts.items() if client == CLIENT}

    async def test(self, binary: Path) -> SelfTest:
        """Test an installed client now; what it finds counts for that version from here on."""
        result = await self_test(binary)
        if result.version is not None:
            await self._note(CLIENT, result.version, result)
        return result

    def views(self, sessions: tuple[Session, ...]) -> list[ClientView]:
        """The client versions that run here now."""
        seen: dict[str, ClientView] = {}
        for session in sessions:
            way = self.way_to(session)
            view = ClientView(session.client, session.version, way, self._why(session, way))
            seen.setdefault(f"{session.client} {session.version}", view)
        return list(seen.values())

    def _why(self, session: Session, way: str) -> str | None:
        if way == SOCKET:
            return None
        if session.client != CLIENT:
            if session.session_id in self._turned:
                return TURNED_WORDS
            verdict = self._verdicts.get((session.client, session.version))
            if way == TESTING:
                return TESTED
            failed = f"the self-test of its inbox failed ({verdict.detail}); " if verdict and not verdict.ok else ""
            shown = BY_HOOKS.get(session.client, OTHER)
            return failed + (shown if way == HOOKS else f"{session.client}: {NO_HOOKS}")
        if session.socket is None:
            return f"this session has no inbox socket: hooks bring it its messages, and wake it; {self._hooks()}"
        verdict = self._verdicts.get((session.client, session.version))
        if verdict is None:
            return TESTED
        return f"the self-test of this version failed ({verdict.detail}): messages go through hooks; {self._hooks()}"

    def _hooks(self) -> str:
        return hooks_installed(self._config).detail

    async def _test(self, session: Session) -> None:
        result = await self._try(session)
        try:
            await self._note(session.client, session.version, result)
        except StoreUnavailable as error:
            self._counters.failed("selftest_not_kept", reason=error)  # it counts until the next start

    async def _note(self, client: str, version: str, result: SelfTest) -> None:
        verdict = Verdict(version, result.ok, result.detail, result.at)
        if not result.ok:
            self._counters.failed("selftest_failed", client=client, version=version, detail=result.detail)
        self._failures[client, version] = 0 if result.ok else self._failures[client, version] + 1
        self._verdicts[client, version] = verdict
        self._testing.discard((client, version))
        self._changed()
        await self._store.meta.set(KEYS[client] + version, msgspec.json.encode(verdict).decode())
