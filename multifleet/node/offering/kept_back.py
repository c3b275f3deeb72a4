"""Says why a message that is here is shown to nobody for now, by its user's own word, and tells its sender when that
changes: a reason that stands in a sender's outbox is to be true when it is read. It shows nothing itself.
"""

from collections.abc import Callable

from multifleet.core.quiet import BARRED, OVER, RULED_OUT, is_kept_back, passes, why_it_waits
from multifleet.node.authority.stops import KEPT, STOPPED
from multifleet.node.clock import NodeClock
from multifleet.node.offering.live_sessions import LiveSessions
from multifleet.node.offering.wishes import wish_of
from multifleet.sessions.base import Session
from multifleet.store.rows import InboxChange, InboxRow
from multifleet.store.store import Store

EVERY = 5.0
"""Seconds after which it is looked again though no decision has changed: sessions come, and go to other folders."""
LIMIT = 1_000
"""Messages that are looked at together, the oldest."""


class KeptBack:
    """One for the node."""

    def __init__(self, store: Store, clock: NodeClock, live: LiveSessions, state_to: Callable[[str], None]) -> None:
        self._store = store
        self._clock = clock
        self._live = live
        self._state_to = state_to
        self.decided: Callable[[], object] = lambda: None
        """What stop and the rules for seats say now: differs where they do."""
        self._decided: object = None
        self._at = 0.0

    def why(self, row: InboxRow) -> str:
        """What its sender is told; empty where nothing but a session is missing."""
        governs = self._live.mates.governs
        if self._live.is_stopped(governs(row.seat)):
            return KEPT
        only = wish_of(row).session
        if only is not None:
            session = next((one for one in self._live.latest if one.session_id == only), None)
            seat = self._live.sits_on(session.cwd) if session else None
            return self._of_seat(row, seat) or (self._of_sessions(row, [session]) if session else "")
        seat = governs(self._live.wanted_seat(row))
        if said := self._of_seat(row, seat):
            return said
        return self._of_sessions(row, self._on(seat))

    def _on(self, seat: str | None) -> list[Session]:
        """The sessions on a seat; None: all of them."""
        return [one for one in self._live.latest if seat in (None, self._live.sits_on(one.cwd))]

    def _is_somebody_there(self, row: InboxRow) -> bool:
        """Whether a session is open that a message may be for."""
        only = wish_of(row).session
        if only is not None:
            return any(one.session_id == only for one in self._live.latest)
        return bool(self._on(self._live.mates.governs(self._live.wanted_seat(row))))

    def _of_seat(self, row: InboxRow, seat: str | None) -> str:
        if self._live.is_stopped(seat):
            return KEPT
        quiet = self._live.quiet
        is_quiet = seat is not None and quiet.covers(seat) and not passes(row.type)
        return why_it_waits(quiet.until(seat)) if is_quiet and seat is not None else ""

    def _of_sessions(self, row: InboxRow, sessions: list[Session]) -> str:
        """What keeps all of these from it, though no one seat does."""
        left = [one for one in sessions if not self._of_seat(row, self._live.sits_on(one.cwd))]
        if sessions and not left:
            return BARRED
        return RULED_OUT if left and not any(self._live.may_get(row, one.cwd) for one in left) else ""

    async def look(self) -> None:
        """Tell the senders of what waits here what has changed."""
        now, decided = self._clock.monotonic(), (self._live.quiet.now(), self.decided())
        if decided == self._decided and now < self._at:
            return
        self._decided, self._at = decided, now + EVERY
        wall = self._clock.now()
        changes = [
            InboxChange(row.sender, row.id, row.state, wall, said)
            for row in await self._store.inbox.heads(LIMIT, wall)
            if (said := self._news(row)) is not None
        ]
        for sender in await self._store.inbox.restate(changes) if changes else ():
            self._state_to(sender)

    def _news(self, row: InboxRow) -> str | None:
        """What has to be said of a message whose sender was told something else."""
        why, told = self.why(row), row.detail or ""
        if not why:
            if told in (BARRED, RULED_OUT) and not self._is_somebody_there(row):
                return None  # whom it was kept from is away: what keeps it from them is not over
            return OVER if is_kept_back(told) or told in (KEPT, STOPPED) else None
        return None if told == why or (told, why) == (STOPPED, KEPT) else why
