"""What this node tells the others about itself, besides being there: for people who look at the fleet, and for nothing
that is decided by a machine.

Looked up every few seconds, in a thread, and only while somebody is told.
"""

import asyncio
import os
from pathlib import Path

from multifleet.core.presence.gossip import SEATS_SHOWN, Facts
from multifleet.core.session_cards import SessionCard, doing
from multifleet.node.offering.live_sessions import LiveSessions
from multifleet.sessions.base import Found, Session
from multifleet.sessions.git_state import GitState, git_state

EVERY = 4.0
"""Seconds between two looks."""
BRANCH = 60
"""Characters of a branch's name."""
SHORT = 12
"""Hex digits of a commit: as many as tell it from all others of a large project."""


class OwnFacts:
    """One for the node."""

    def __init__(self, home: Path, version: str, live: LiveSessions) -> None:
        self._home = home
        self._live = live
        self._wanted = asyncio.Event()
        self._version = version
        self._facts: Facts | None = None

    async def run(self) -> None:
        """Until cancelled. Who is told after a while in which nobody was leads to a look at once."""
        await self.look()
        while True:
            await self._wanted.wait()
            await self.look_if_wanted()
            await asyncio.sleep(EVERY)

    async def look_if_wanted(self) -> None:
        """Look, if somebody was told since the last time."""
        if self._wanted.is_set():
            self._wanted.clear()
            await self.look()

    def told(self) -> Facts | None:
        """As they were a moment ago, for somebody who is told now; None before the first look."""
        self._wanted.set()
        return self._facts

    async def look(self, found: Found | None = None) -> Facts:
        """Look now; `found` are the sessions, where they are known already."""
        found = found or await self._live.find()
        sessions = sorted((*found.sessions, *found.mates), key=lambda session: session.active_at, reverse=True)
        # Of those that have one: a script's session makes none by being told of.
        sitting = [(self._live.address_of(session), session) for session in sessions]
        seats = list(dict.fromkeys(seat for seat, _ in sitting if seat is not None))
        cards = (SessionCard(seat=seat or "", client=one.client, state=one.status.value) for seat, one in sitting)
        folder = self._folder(sessions)
        git, load, disk = await asyncio.to_thread(_of_machine, folder, self._home)
        self._facts = Facts(
            version=self._version,
            branch=git.branch[:BRANCH],
            commit=git.commit[:SHORT],
            sessions=len(sessions),
            seats=seats[:SEATS_SHOWN],
            load=load,
            disk=disk,
            doing=doing(cards),
        )
        return self._facts

    def _folder(self, sessions: list[Session]) -> str | None:
        """Where the work is: of the session that did something last, else of the default seat."""
        if sessions:
            return sessions[0].cwd
        seats = self._live.seats
        return seats.folders.get(seats.default) if seats.default is not None else None


def _of_machine(folder: str | None, home: Path) -> tuple[GitState, float, int]:
    git = git_state(folder) if folder is not None else None
    return git or GitState("", ""), load_of_cpus(), free_megabytes(home)


def load_of_cpus() -> float:
    """Processes that want to run, over the last minute and for each CPU."""
    try:
        return round(os.getloadavg()[0] / (os.cpu_count() or 1), 2)
    except OSError:
        return 0.0  # a system that does not tell


def free_megabytes(folder: Path) -> int:
    """What this user may still write on the folder's disk."""
    try:
        found = os.statvfs(folder)
    except OSError:
        return 0
    return found.f_bavail * found.f_frsize // 1_000_000
