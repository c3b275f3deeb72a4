"""Wakes idle sessions of clients without an inbox, once a text lies ready that their hook shows with the next prompt.

A session that may do everything without asking anybody is not woken: it would act, in its user's name and unseen, on
what another machine sent. It gets its mail with its user's next prompt.
"""

import asyncio
from pathlib import Path

from multifleet.core.receipts import State
from multifleet.node.clock import NodeClock
from multifleet.node.counters import Counters
from multifleet.node.offering.clients import HOOKS
from multifleet.node.offering.offers import Offers, Open
from multifleet.sessions import codex_threads
from multifleet.sessions.base import Found, Session, Status, Unreachable
from multifleet.sessions.codex_queue import ring
from multifleet.sessions.codex_rollout import asks_nobody

AGAIN = 60.0
"""Seconds after which a session that did nothing since it was woken is woken again."""
REMEMBERED = 500
MAY_WAIT = 2
"""How loud a message is that nobody is woken for."""


class Ringing:
    """One for the node."""

    def __init__(self, codex: Path, offers: Offers, clock: NodeClock, counters: Counters) -> None:
        self._codex = codex
        self._offers = offers
        self._clock = clock
        self._counters = counters
        self._rung: dict[str, tuple[float, float]] = {}
        """Session: when it was last woken, monotonic, and when it had last written something then."""
        self._group: asyncio.TaskGroup | None = None

    def start(self, group: asyncio.TaskGroup) -> None:
        """Clients' programs are waited for in this group."""
        self._group = group

    def look(self, found: Found) -> None:
        """Wake who is idle with something before it; what a turn that ran took at its end is gone by then."""
        waits = {offer.session for offer in self._offers if _wakes(offer)}
        if self._group is None:
            return
        for session in found.sessions if waits else ():
            if session.session_id in waits and _can_be_woken(session) and self._is_due(session):
                self._rung[session.session_id] = (self._clock.monotonic(), session.updated_at)
                self._group.create_task(self._ring(session), name=f"wake {session.session_id}")
        while len(self._rung) > REMEMBERED:
            del self._rung[next(iter(self._rung))]

    def _is_due(self, session: Session) -> bool:
        last = self._rung.get(session.session_id)
        return last is None or last[1] != session.updated_at or self._clock.monotonic() - last[0] > AGAIN

    async def _ring(self, session: Session) -> None:
        if session.transcript is None or await asyncio.to_thread(asks_nobody, session.transcript):
            return
        try:
            await ring(self._codex, session)
        except Unreachable as error:
            self._counters.failed("ring_failed", session=session.session_id, reason=error)
        else:
            self._counters.count("sessions_rung")


def _wakes(offer: Open) -> bool:
    return offer.row.via == HOOKS and offer.state == State.OFFERING and offer.loudness < MAY_WAIT


def _can_be_woken(session: Session) -> bool:
    return session.client == codex_threads.CLIENT and session.status is Status.IDLE
