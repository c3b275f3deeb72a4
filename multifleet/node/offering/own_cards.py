"""The cards of this machine's own agent sessions, and the answer to peers who ask for them.

However many ask, the machine is looked at once a second.
"""

import asyncio
from collections.abc import Iterable

from multifleet.core.session_cards import BRANCH_LIMIT, CARDS_LIMIT, SessionCard, SessionsAsk, SessionsTold, chosen
from multifleet.node.asking import Asking
from multifleet.node.clock import NodeClock
from multifleet.node.offering.live_sessions import LiveSessions
from multifleet.sessions.base import Session
from multifleet.sessions.git_state import git_state

EVERY = 1.0
"""Seconds for which what was found is told again."""


class OwnCards:
    """One for the node."""

    def __init__(self, live: LiveSessions, clock: NodeClock, asking: Asking) -> None:
        self._live = live
        self._clock = clock
        self._told: tuple[float, SessionsTold] | None = None
        self._lock = asyncio.Lock()
        asking.serve(SessionsAsk, self._answer)

    async def _answer(self, asker: str, ask: SessionsAsk) -> SessionsTold:
        return await self.told()

    async def told(self) -> SessionsTold:
        """What is told now."""
        async with self._lock:
            now = self._clock.monotonic()
            if self._told is None or now - self._told[0] >= EVERY:
                self._told = (now, await self._look())
            return self._told[1]

    async def _look(self) -> SessionsTold:
        found = await self._live.find()
        sessions = sorted((*found.sessions, *found.mates), key=lambda session: session.active_at, reverse=True)
        branches = await branches_of(session.cwd for session in sessions[:CARDS_LIMIT])
        wall = self._clock.wall()
        return chosen(self._card(session, branches.get(session.cwd, ""), wall) for session in sessions)

    def _card(self, session: Session, branch: str, wall: float) -> SessionCard:
        since = session.status_at
        seat = self._live.seats.known_for(session.cwd) or ""  # a script's session gets none by being told of
        until = self._live.quiet.until(seat)
        return SessionCard(
            seat=self._live.address_of(session) or "",
            client=session.client,
            state=session.status.value,
            seconds=max(0, int(wall - since)) if since else None,
            branch=branch,
            quiet=self._live.quiet.covers(seat),
            quiet_for=None if until is None else max(0, int(until - wall)),
            mate=session.lead is not None,
        )


async def branches_of(folders: Iterable[str]) -> dict[str, str]:
    """The git branch in each of these folders."""
    return await asyncio.to_thread(_branches, tuple(dict.fromkeys(folders)))


def _branches(folders: Iterable[str]) -> dict[str, str]:
    found = {folder: git_state(folder) for folder in folders}
    return {folder: git.branch[:BRANCH_LIMIT] for folder, git in found.items() if git is not None}
