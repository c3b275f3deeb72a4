"""Sessions of this machine that want to be told when a remote seat is idle: asks the seat's machine until it is, or
says that nobody will tell. What is said is decided in core/native_idle.py.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import partial

from multifleet.core.ids import Address
from multifleet.core.native_idle import LONGEST, At, Verdict, next_question, verdict
from multifleet.node.clock import NodeClock
from multifleet.node.counters import Counters
from multifleet.node.native.keyed_tasks import KeyedTasks
from multifleet.node.offering.replies import Replies
from multifleet.node.offering.telling import tell_surely
from multifleet.sessions.base import Rereads, Session, UnknownOutcome, Unreachable
from multifleet.sessions.claude_inbox import tell_idle
from multifleet.sessions.claude_wire import IdleWish

MOST = 50
"""Wishes that are held at a time; the next one is told that nobody will tell it."""

Asked = Callable[[str, str], Awaitable[Sequence[At] | None]]
"""(node, seat): what its sessions do now; None where it does not answer."""


class IdleWishes:
    """One for the node."""

    def __init__(self, clock: NodeClock, counters: Counters, sessions: Rereads, replies: Replies, ask: Asked) -> None:
        self._clock = clock
        self._counters = counters
        self._sessions = sessions
        self._replies = replies
        self._ask = ask
        self._held: KeyedTasks[tuple[int, str]] = KeyedTasks()

    async def run(self) -> None:
        """Until cancelled."""
        await self._held.run()

    def wish(self, word: IdleWish, session: Session | None, remote: str | None) -> None:
        """A session wants to know; a newer wish of it for the same seat takes the place of the one before."""
        if session is None or remote is None or not self._held.is_running:
            self._counters.failed("idle_wish_from_nobody", socket=word.socket, pid=word.pid)
            return
        key = (session.pid, remote)
        self._held.give_up(key)
        holds = len(self._held) < MOST
        self._held.start(key, self._serve(word, session, remote, holds), f"idle wish for {remote}")

    async def _serve(self, word: IdleWish, session: Session, remote: str, holds: bool) -> None:
        said = await self._found(remote) if holds else Verdict("unavailable")
        socket = await self._replies.socket_for(remote)
        if said is None or socket is None:
            return
        tell = partial(tell_idle, self._sessions, session, about=word.wish_id, reply=socket)
        try:
            await tell_surely(partial(tell, state=said.state, finished_at=said.finished_at))
        except (Unreachable, UnknownOutcome) as error:
            self._counters.failed("idle_notice", session=session.session_id, reason=error)

    async def _found(self, remote: str) -> Verdict | None:
        """None: the client has given up by now."""
        address = Address.parse(remote)
        began, asked, was_there = self._clock.monotonic(), 0, False
        while self._clock.monotonic() - began < LONGEST:
            sessions = await self._ask(address.node, address.seat) if address.seat else None
            said = verdict(sessions, was_there=was_there, now=self._clock.wall())
            if said is not None:
                return said
            was_there = was_there or bool(sessions)
            await asyncio.sleep(next_question(asked))
            asked += 1
        return None
