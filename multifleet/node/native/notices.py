"""Follows messages that sessions of this machine sent by their client's own tool, and tells them what the client's
words left open: that a message is held, and how that ended. What is said is decided in core/native_notices.py.
"""

import asyncio
from collections.abc import Callable, Iterable
from functools import partial

import msgspec

from multifleet.core.ids import Address
from multifleet.core.native_notices import PATIENCE, UNKNOWN, Notice, notice
from multifleet.core.receipts import State
from multifleet.errors import StoreUnavailable
from multifleet.node.clock import NodeClock
from multifleet.node.counters import Counters
from multifleet.node.events import Events
from multifleet.node.offering.live_sessions import LiveSessions
from multifleet.node.offering.replies import Replies
from multifleet.node.offering.telling import tell_surely
from multifleet.sessions.base import Session, UnknownOutcome, Unreachable
from multifleet.sessions.claude_wire import Reply
from multifleet.sessions.native_dialect import NativeDialect
from multifleet.store.store import Store

KEY, MOST = "native_notices", 200
"""Where the open ones are kept, and how many; the client itself forgets older ones."""
LOOK = PATIENCE
"""Seconds after which a message is looked at though nothing was told of it."""


class Sent(msgspec.Struct):
    """A message of a session about which it may have to be told."""

    message: str
    word: str
    """The client's own id of it."""
    to: str
    pid: int
    proc_start: str
    at: float
    is_session: bool
    """Whether it went to a seat that was listed as a session; else it is told of failures alone."""
    told_held: bool = False


class Notices:
    """One for the node."""

    def __init__(
        self,
        store: Store,
        clock: NodeClock,
        counters: Counters,
        events: Events,
        live: LiveSessions,
        replies: Replies,
        dialects: Iterable[NativeDialect],
        is_there: Callable[[str], bool],
        is_listed: Callable[[str], bool],
    ) -> None:
        self._store = store
        self._clock = clock
        self._counters = counters
        self._events = events
        self._live = live
        self._replies = replies
        self._dialects = {dialect.client: dialect for dialect in dialects}
        self._is_there = is_there
        self._is_listed = is_listed
        self._open: dict[str, Sent] = {}
        self._group: asyncio.TaskGroup | None = None

    async def load(self) -> None:
        """Take up what an earlier run left open."""
        kept = await self._store.meta.get(KEY)
        for one in msgspec.json.decode(kept, type=list[Sent]) if kept else []:
            self._open.setdefault(one.message, one)

    async def run(self) -> None:
        """Until cancelled."""
        try:
            async with asyncio.TaskGroup() as group:
                self._group = group
                for one in list(self._open.values()):
                    group.create_task(self._follow(one), name=f"notices about {one.message}")
                await asyncio.Event().wait()
        finally:
            self._group = None

    def follow(self, word: Reply, session: Session, remote: str, message: str) -> None:
        """A session's word went out as this message."""
        if word.message_id is None:
            return  # no notice could name it
        one = Sent(
            message=message,
            word=word.message_id,
            to=remote,
            pid=session.pid,
            proc_start=session.proc_start,
            at=self._clock.now(),
            is_session=self._is_listed(remote),
        )
        self._open[message] = one
        while len(self._open) > MOST:
            del self._open[next(iter(self._open))]
        self._keep()
        if self._group is not None:
            self._group.create_task(self._follow(one), name=f"notices about {message}")

    async def not_sent(self, word: Reply, session: Session, remote: str, is_over_budget: bool) -> None:
        """A session's word did not become a message: besides our own words it gets those that its client has for it."""
        dialect = self._dialects.get(session.client)
        socket = await self._replies.socket_for(remote)
        if word.message_id is None or dialect is None or socket is None:
            return
        report = partial(dialect.report_unsent, session, about=word.message_id, reply=socket)
        try:
            await tell_surely(partial(report, is_over_budget=is_over_budget))
        except (Unreachable, UnknownOutcome) as error:
            self._counters.failed("native_notice", session=session.session_id, reason=error)

    async def _follow(self, one: Sent) -> None:
        with self._events.watching(one.message) as event:
            while self._open.get(one.message) is one:
                event.clear()
                try:
                    said = await self._next(one)
                except StoreUnavailable:
                    said = None  # it is looked at again
                if said is not None:
                    await self._say(one, said)
                    if said.is_last:
                        break
                may_change_unseen = one.is_session and not one.told_held and said is None
                try:
                    async with asyncio.timeout(LOOK if may_change_unseen else None):
                        await event.wait()
                except TimeoutError:
                    pass  # perhaps its machine went away
        self._forget(one)

    async def _next(self, one: Sent) -> Notice | None:
        rows = await self._store.outbox.get(one.message)
        if not rows:
            return Notice("", "nothing is known of it any more")
        row = rows[0]
        return notice(
            State(row.state),
            to=one.to,
            detail=row.reason or "",
            is_session=one.is_session,
            is_away=not self._is_there(Address.parse(one.to).node),
            waited=self._clock.now() - one.at,
            told_held=one.told_held,
            is_unknown=row.unknown_outcome,
        )

    async def _say(self, one: Sent, said: Notice) -> None:
        """Its session, if it still runs, is told once; what may have arrived is not said again."""
        if not said.status:
            return
        was_held = one.told_held
        if not said.is_last:
            one.told_held = True
            self._keep()
        session = await self._session(one)
        dialect = self._dialects.get(session.client) if session is not None else None
        socket = await self._replies.socket_for(one.to)
        if session is None or dialect is None or socket is None:
            return
        try:
            if said.status == UNKNOWN:
                words = f"multifleet cannot tell what became of your message: {said.reason}."
                await self._replies.tell(socket.name, session, words)
            else:
                report = partial(dialect.report, session, about=one.word, status=said.status, reason=said.reason)
                await tell_surely(partial(report, reply=socket, was_held=was_held))
        except (Unreachable, UnknownOutcome) as error:
            self._counters.failed("native_notice", session=session.session_id, reason=error)

    async def _session(self, one: Sent) -> Session | None:
        known = self._live.of_process(one.pid)
        if known is None:
            found = await self._live.find()
            known = next((session for session in found.sessions if session.pid == one.pid), None)
        return known if known is not None and known.proc_start == one.proc_start else None

    def _forget(self, one: Sent) -> None:
        if self._open.get(one.message) is one:
            del self._open[one.message]
            self._keep()

    def _keep(self) -> None:
        """A notice that is told twice after a crash does less harm than one that is not told."""
        kept = msgspec.json.encode(list(self._open.values())).decode() if self._open else None
        self._store.meta.set_later(KEY, kept)
