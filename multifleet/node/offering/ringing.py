"""Wakes idle sessions of clients without an inbox, once a text lies ready that their hook shows with the next prompt: a
thread of Codex by the client's own `queue`, others, and a thread that would look into its queue late, by a line of ours
that is typed into their terminal.

A session that may do everything without asking anybody is not woken: it would act, in its user's name and unseen, on
what another machine sent. It gets its mail with its user's next prompt.
"""

import asyncio
import math
from collections.abc import Sequence
from pathlib import Path

from multifleet.core.prompts import LOOKS
from multifleet.core.receipts import State
from multifleet.core.recent import Recent
from multifleet.node.clock import NodeClock
from multifleet.node.counters import Counters
from multifleet.node.enduring import tell
from multifleet.node.offering.clients import HOOKS
from multifleet.node.offering.offers import Offers, Open
from multifleet.sessions import codex_threads, gemini_chat
from multifleet.sessions.base import Found, Session, Status, Unreachable
from multifleet.sessions.codex_queue import ring
from multifleet.sessions.codex_rollout import asks_nobody
from multifleet.sessions.own_files import NotOurs
from multifleet.sessions.seeds import SeedBox
from multifleet.sessions.typed_ring import NotNow, find_pane, type_ring

AGAIN = 60.0
"""Seconds after which a session that did nothing since it was woken is woken again."""
TRY_AGAIN = 2.0
"""Seconds after which it is looked again whether a draft is gone, or a turn over."""
NOT_TAKEN = 3600.0
"""Seconds for which nothing is typed for a session that did not take the line."""
TIMES = 3
"""So often at the most is a session woken for a message: after that its user's next prompt has to do."""
REMEMBERED = 500
MAY_WAIT = 2
"""How loud a message is that nobody is woken for."""

Key = tuple[str, str]
"""Of a message: its sender and its id."""


class Ringing:
    """One for the node."""

    def __init__(
        self,
        codex: Path,
        offers: Offers,
        seeds: SeedBox,
        clock: NodeClock,
        counters: Counters,
        types: bool = True,
    ) -> None:
        """`types`: whether anything may be typed into a terminal."""
        self._codex = codex
        self._offers = offers
        self._seeds = seeds
        self._clock = clock
        self._counters = counters
        self._types = types
        self._rung: dict[str, tuple[float, float]] = {}
        """Session: when it was last woken, monotonic, and when it had last written something then; never again with the
        same, where the line is kept in its queue for certain."""
        self._typed: Recent[str, float] = Recent(REMEMBERED)
        """Session: until when nothing is typed for it, monotonic."""
        self._sent: Recent[str, float] = Recent(REMEMBERED)
        """Session: when it had last written something as it was sent a line, which it took."""
        self._times: Recent[Key, int] = Recent(REMEMBERED)
        """Message: how often a session was woken for it."""
        self._group: asyncio.TaskGroup | None = None

    def start(self, group: asyncio.TaskGroup) -> None:
        """Clients' programs are waited for in this group."""
        self._group = group

    def look(self, found: Found) -> None:
        """Wake who is idle with something before it; what a turn that ran took at its end is gone by then."""
        waits = {offer.session: offer.row.messages for offer in self._offers if _wakes(offer)}
        if self._group is None:
            return
        for session in found.sessions if waits else ():
            keys = waits.get(session.session_id)
            if keys is not None and self._can_be_woken(session) and self._is_due(session, keys):
                self._rung[session.session_id] = (self._clock.monotonic(), session.updated_at)
                self._group.create_task(self._wake(session, keys), name=f"wake {session.session_id}")
        while len(self._rung) > REMEMBERED:
            del self._rung[next(iter(self._rung))]

    def _can_be_woken(self, session: Session) -> bool:
        is_known = session.client == codex_threads.CLIENT or (self._types and session.client in LOOKS)
        return is_known and session.status is Status.IDLE

    def _is_due(self, session: Session, keys: Sequence[Key]) -> bool:
        if all((self._times.get(key) or 0) >= TIMES for key in keys):
            return False
        now, last = self._clock.monotonic(), self._rung.get(session.session_id)
        if session.client != codex_threads.CLIENT:
            return self._may_type(session, keys)
        return last is None or last[1] != session.updated_at or now - last[0] > AGAIN

    def _may_type(self, session: Session, keys: Sequence[Key]) -> bool:
        """Whether the last line is long ago, or its turn is over and other mail has come since."""
        if self._clock.monotonic() >= (self._typed.get(session.session_id) or 0.0):
            return True
        sent = self._sent.get(session.session_id)
        return sent is not None and session.updated_at > sent and not any(self._times.get(key) for key in keys)

    async def _wake(self, session: Session, keys: Sequence[Key]) -> None:
        try:
            await self._ring(session, keys)
        except Exception as error:  # noqa: BLE001  a fault here must not stop the node
            tell(self._counters, "part_failed", "waking", error)

    async def _ring(self, session: Session, keys: Sequence[Key]) -> None:
        if session.client == codex_threads.CLIENT:
            if session.transcript is None or await asyncio.to_thread(asks_nobody, session.transcript):
                return
            # a thread in a terminal's own process has no daemon beside it that is told of its queue at once
            if not await self._type(session, keys):
                await self._queue(session, keys)
        else:
            await self._type(session, keys)

    async def _queue(self, session: Session, keys: Sequence[Key]) -> None:
        try:
            await ring(self._codex, session)
        except Unreachable as error:
            self._counters.failed("ring_failed", session=session.session_id, reason=error)
        else:
            # a client that stands still takes all lines of its queue when it goes on, each for a turn of its own
            self._rung[session.session_id] = (math.inf, session.updated_at)
            self._counters.count("sessions_rung")
            self._count(keys)

    async def _type(self, session: Session, keys: Sequence[Key]) -> bool:
        """Whether a line was typed for it, now or so short ago that it has to do."""
        now = self._clock.monotonic()
        if not self._types:
            return False
        if not self._may_type(session, keys):
            return True
        self._typed.put(session.session_id, now + AGAIN)  # another look may come before this one is over
        self._sent.put(session.session_id, math.inf)
        try:
            pane = await find_pane(session)
            if pane is None:
                if session.client == codex_threads.CLIENT:
                    self._typed.put(session.session_id, now)
                return False
            if session.client == gemini_chat.CLIENT:
                self._seeds.await_end(session.session_id)
            await type_ring(session.client, pane)
        except NotNow:
            self._counters.count("rings_put_off")
            is_codex = session.client == codex_threads.CLIENT
            self._typed.put(session.session_id, now if is_codex else self._clock.monotonic() + TRY_AGAIN)
            return False
        except (NotOurs, OSError) as error:  # nothing was typed
            self._counters.failed("typed_ring_failed", session=session.session_id, reason=error)
            return False
        except Unreachable as error:
            # one that stands still would have the line in its prompt once more each time
            self._typed.put(session.session_id, now + NOT_TAKEN)
            self._counters.failed("typed_ring_failed", session=session.session_id, reason=error)
        else:
            self._counters.count("sessions_rung")
            self._counters.count("lines_typed")
            self._sent.put(session.session_id, session.updated_at)
        self._count(keys)
        return True

    def _count(self, keys: Sequence[Key]) -> None:
        for key in keys:
            self._times.put(key, (self._times.get(key) or 0) + 1)


def _wakes(offer: Open) -> bool:
    return offer.row.via == HOOKS and offer.state == State.OFFERING and offer.loudness < MAY_WAIT
