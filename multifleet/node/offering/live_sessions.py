"""The agent sessions that run on this machine now, the seats they sit on, and how each can be reached."""

import asyncio
import os
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from multifleet.core.choose_session import choose_session
from multifleet.node.clock import NodeClock
from multifleet.node.offering.clients import HOOKS, SOCKET, Clients
from multifleet.node.offering.mates import Mates
from multifleet.node.offering.other_clients import OtherClients
from multifleet.node.offering.quiet import Quiet
from multifleet.node.offering.seats import BY_USER, Seats
from multifleet.operations.views import SeatView, SessionView
from multifleet.sessions.base import Found, Session, Status
from multifleet.sessions.claude_hooks import hooks_installed
from multifleet.sessions.claude_registry import CLIENT, ClaudeRegistry, config_dir
from multifleet.sessions.claude_teams import ClaudeTeams
from multifleet.sessions.codex_rollout import codex_home
from multifleet.sessions.qwen_registry import qwen_home
from multifleet.store.rows import InboxRow

AT_TERMINAL = "cli"
"""How the client calls an entrypoint with a person before it."""
BEGINNING = 2.0
"""Seconds after the start of a session without a person in which only its start hook is given something."""
LOOK_AGAIN = 0.2
"""Seconds between two looks for a team mate that somebody writes to and that was not there."""
REMEMBERED = 500
"""Sessions whose process is known after they have ended."""


class LiveSessions:
    """One for the node."""

    def __init__(
        self,
        config: Path,
        seats: Seats,
        registry: ClaudeRegistry,
        others: OtherClients,
        clients: Clients,
        clock: NodeClock,
        home: Path,
        quiet: Quiet,
        mates: Mates,
    ) -> None:
        """`home`: of the node; sessions that run inside of it are its own, and get nothing."""
        self._clock = clock
        self.homes = {home, home.resolve()}
        """Where the node lives, as it may be written."""
        self.config = config
        self.seats = seats
        self.registry = registry
        self.others = others
        self.clients = clients
        self.quiet = quiet
        """Which seats are not to be disturbed."""
        self.mates = mates
        """Team mates of sessions, and their addresses."""
        self._teams = ClaudeTeams(config)
        self._looked_at = -LOOK_AGAIN
        self.is_stopped: Callable[[str | None], bool] = lambda seat: False
        """Whether nothing is shown to the sessions of a seat."""
        self.forbids: Callable[[str, str, str], bool] = lambda seat, sender, type: False
        """Whether rules keep a type of message of a sender from a seat."""
        self.latest: tuple[Session, ...] = ()
        """Those that were found last."""
        self._sits: dict[str, str | None] = {}
        self._sits_at = -1
        self._met: dict[int, Session] = {}
        self._named: dict[tuple[int, str], Session] = {}
        self._begun: dict[str, None] = {}

    async def find(self) -> Found:
        """The live sessions now; a folder in which one was seen at a terminal has a seat from then on.

        Scripts run single questions in any number of folders that are gone the next moment: these get none by that.
        """
        looked_at = None
        while looked_at != self._looked_at:  # else `is_address` has looked meanwhile, and knows mates that came later
            looked_at = self._looked_at
            found = await asyncio.to_thread(self._find)
        found = self._taken(found)
        self.latest, self._sits = found.sessions, {}
        for session in found.sessions:
            if session.entrypoint == AT_TERMINAL:
                self.seats.of_folder(session.cwd)
            self._met[session.pid] = self._named[session.pid, session.name] = session
        while len(self._met) > REMEMBERED:
            del self._met[next(iter(self._met))]
        while len(self._named) > REMEMBERED:
            del self._named[next(iter(self._named))]
        return found

    def _find(self) -> Found:
        found = self.registry.find()
        mates = self._teams.mates(found.sessions)
        return replace(found, sessions=(*found.sessions, *self.others.find()), mates=mates)

    def _taken(self, found: Found) -> Found:
        sessions = tuple(one for one in found.sessions if not self.is_own(one.cwd))
        return replace(found, sessions=sessions, mates=self.mates.met(m for m in found.mates if not self.is_own(m.cwd)))

    def is_address(self, name: str) -> bool:
        """Whether there is such a seat, or a team mate with that address."""
        if self.seats.exists(name) or self.mates.at(name) is not None:
            return True
        now = self._clock.monotonic()
        if "." not in name or now - self._looked_at < LOOK_AGAIN:
            return False
        self._looked_at = now
        leads = self.registry.find()  # no other client has mates, and this is asked between two messages
        self._taken(replace(leads, mates=self._teams.mates(leads.sessions)))
        return self.mates.at(name) is not None

    def unknown(self, name: str) -> str:
        """What to tell somebody who wrote to an address that there is not."""
        return self.mates.words(name) or self.seats.unknown(name)

    def address_of(self, session: Session) -> str | None:
        """What to write to for a live session, if it has an address."""
        return self.mates.address_of(session.session_id) or self.seats.known_for(session.cwd)

    def is_own(self, cwd: str) -> bool:
        """Whether a session in this folder is the node's own: the repair agent is not to read what peers write."""
        return any(Path(cwd).is_relative_to(home) for home in self.homes)

    def of_process(self, pid: int | None, name: str | None = None) -> Session | None:
        """The session that a process has, or had: a model's last words arrive when its session may be over.

        `name`: what the client calls it, which tells those of one process apart.
        """
        if pid is None:
            return None
        return (self._named.get((pid, name)) if name else None) or self._met.get(pid)

    def sits_on(self, folder: str) -> str | None:
        """The seat of a folder, if it has one, as it was when sessions were looked for last."""
        if self._sits_at != self.seats.revision:
            self._sits, self._sits_at = {}, self.seats.revision
        if folder not in self._sits:
            self._sits[folder] = self.seats.known_for(folder)
        return self._sits[folder]

    def seat_of(self, session: Session) -> str:
        """The seat of a live session, which it gets if it has none; of a team mate its own address."""
        return self.mates.address_of(session.session_id) or self.seats.of_folder(session.cwd)

    def wanted_seat(self, row: InboxRow) -> str | None:
        """The seat a message is for, the default one if its own is no more; None: whichever session is chosen.

        What is for a team mate is for nobody else.
        """
        is_there = row.seat is not None and (self.seats.has(row.seat) or self.mates.knows(row.seat))
        return row.seat if is_there else self.seats.default

    def choose(
        self,
        found: Found,
        wanted: str | None,
        passes: bool = False,
        only: str | None = None,
        may: Callable[[str], bool] = lambda folder: True,
    ) -> Session | None:
        """The one session that gets messages for a seat; None: for the node.

        `passes`: what is to be shown also where nothing may disturb. `only`: the id of the session that may get it.
        `may`: whether rules let a session in this folder get it.
        """
        is_for_mate = only is None and wanted is not None and self.mates.knows(wanted)
        mate = self.mates.at(wanted) if is_for_mate and wanted is not None else None
        asked = found.sessions if not is_for_mate else (mate,) if mate is not None else ()
        ready = [one for one in asked if self.clients.reaches(one) and not self._is_beginning(one)]
        if not passes:
            ready = [one for one in ready if not self.quiet.covers(self.sits_on(one.cwd))]
        ready = [one for one in ready if not self.is_stopped(self.sits_on(one.cwd))]
        ready = [one for one in ready if may(one.cwd)]
        if only is not None:
            return next((one for one in ready if one.session_id == only), None)
        on_it = [one for one in ready if one is mate or wanted is None or self.sits_on(one.cwd) == wanted]
        return choose_session(on_it, {}, None)

    def may_get(self, row: InboxRow, folder: str) -> bool:
        """Whether the rules for the seat of a folder let a message in that was not sent to it: to the machine alone, to
        a seat that is gone, or to an exact session."""
        seat = self.sits_on(folder)
        return seat is None or seat == row.seat or not self.forbids(seat, row.from_, row.type)

    def begun(self, session_id: str) -> None:
        """The hook of a session's start has been served."""
        self._begun[session_id] = None
        while len(self._begun) > REMEMBERED:
            del self._begun[next(iter(self._begun))]

    def _is_beginning(self, session: Session) -> bool:
        # Its start hook is about to ask, and what the hook gives is shown for certain: the inbox of a single question
        # may not be read any more, or wait for a user whom nobody can ask.
        if session.entrypoint == AT_TERMINAL or session.session_id in self._begun:
            return False
        return 0.0 <= self._clock.wall() - session.started_at < BEGINNING

    def wanted_by(self, found: Found) -> set[str | None]:
        """The seats whose mail somebody is there for now; None: the mail for the node alone."""
        sits = {self.sits_on(session.cwd) for session in found.sessions} - {None}
        return self.seats.with_node(sits) | self.mates.addresses if found.sessions else set()

    def way(self, row: InboxRow, session: Session) -> str:
        """How a message gets into a session; what may wait wakes none that is not busy, if hooks will show it later."""
        way = self.clients.way_to(session)
        is_shown_soon = session.client == CLIENT and session.status is Status.BUSY  # others begin a turn with it
        may_wait = row.urgency == "whenever" and not is_shown_soon
        return HOOKS if way == SOCKET and may_wait and self._has_hooks(session) else way

    def _has_hooks(self, session: Session) -> bool:
        if session.client == CLIENT:
            return hooks_installed(self.config).how is not None
        return self.others.runs_hooks(session.session_id)

    async def session_views(self) -> list[SessionView]:
        """The live sessions, and by which way each gets its mail."""
        found = await self.find()
        return [self._view(session) for session in (*found.sessions, *found.mates)]

    def _view(self, session: Session) -> SessionView:
        seat = self.seat_of(session)
        governs = self.mates.governs(seat) or seat
        return SessionView(
            session=session.session_id,
            client=session.client,
            version=session.version,
            pid=session.pid,
            name=session.name or None,
            cwd=session.cwd,
            status=session.status,
            seat=seat,
            delivers_by=self.clients.way_to(session),
            started_at=session.started_at,
            updated_at=session.updated_at,
            since=session.status_at or None,
            dnd=self.quiet.covers(governs),
            dnd_until=self.quiet.until(governs),
            mate_of=session.lead,
        )

    async def seat_views(self, node: str, waiting: list[InboxRow]) -> list[SeatView]:
        """The seats, with the session that each would get its mail in now."""
        found = await self.find()
        count = Counter(row.seat for row in waiting)
        views = []
        for row in sorted(self.seats.rows, key=lambda row: row.name):
            session = self.choose(found, row.name)
            views.append(
                SeatView(
                    name=row.name,
                    address=f"{node}/{row.name}",
                    folder=row.folder,
                    client=session.client if session else None if row.bound_by == BY_USER else row.client,
                    default=row.name == self.seats.default,
                    bound_by=row.bound_by,
                    session=session.session_id if session else None,
                    waiting=count[row.name],
                    dnd=self.quiet.covers(row.name),
                    dnd_until=self.quiet.until(row.name),
                )
            )
        return views


def claude_config(chosen: str | None) -> Path:
    """Claude Code's folder: the configured one, else the one that the environment names."""
    return Path(chosen).expanduser() if chosen else config_dir(os.environ)


def codex_folder(chosen: str | None) -> Path:
    """Codex's folder: the configured one, else the one that the environment names."""
    return Path(chosen).expanduser() if chosen else codex_home(os.environ)


def qwen_folder(chosen: str | None) -> Path:
    """Qwen Code's folder: the configured one, else the one that the environment names."""
    return Path(chosen).expanduser() if chosen else qwen_home(os.environ)
