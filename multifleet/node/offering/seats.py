"""The seats of this node: durable addresses, each bound to a project folder, where mail waits for agent sessions.

A folder gets a seat by being bound (`seat bind`), by a session at a terminal that was seen in it, or by being a
project that the client knows: its last part is the seat's name. A name that none of these explains is unknown, and
mail for it is turned away with the names that there are.
"""

import os
from collections.abc import Callable, Iterable, Set
from pathlib import Path

from multifleet.core.choose_session import seat_name, seat_of
from multifleet.core.ids import is_seat_name
from multifleet.errors import BadInput, UnknownSeat
from multifleet.node.clock import NodeClock
from multifleet.store.rows import SeatRow
from multifleet.store.store import Store

NAMED = 8
"""Seats that are listed to somebody who wrote to another one."""
BY_USER, BY_SIGHT = "user", "seen"


class Seats:
    """One for the node."""

    def __init__(self, store: Store, clock: NodeClock, projects: Callable[[], Iterable[Path]]) -> None:
        self._store = store
        self._clock = clock
        self._projects = projects
        self._rows: dict[str, SeatRow] = {}
        self.revision = 0
        """Counts each change of them."""
        self._removed: set[str] = set()
        """Seats that are no more, at which mail may wait; one that comes back need not be taken out."""
        self.default: str | None = None
        """The seat that gets what is addressed to the node alone; None: whichever session the rule chooses."""

    async def load(self) -> None:
        """Read the seats from the store."""
        self._rows = {row.name: row for row in await self._store.seats.all()}
        self.revision += 1
        self.default = await self._store.seats.default()
        self._removed = await self._store.inbox.seats_waited_at() - set(self._rows)

    @property
    def rows(self) -> list[SeatRow]:
        """All seats."""
        return list(self._rows.values())

    @property
    def folders(self) -> dict[str, str]:
        """Folder of each seat, by name."""
        return {row.name: row.folder for row in self._rows.values()}

    def exists(self, name: str) -> bool:
        """Whether there is such a seat; projects of the client that have none yet get theirs here."""
        if name not in self._rows:
            self._adopt_projects()
        return name in self._rows

    def has(self, name: str) -> bool:
        """Whether there is such a seat now; none is made by asking."""
        return name in self._rows

    def unknown(self, name: str) -> str:
        """What to tell somebody who wrote to a seat that there is not."""
        names = sorted(self._rows)
        more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
        known = ", ".join(names[:NAMED]) + more or "none yet"
        return f"no seat {name!r} here (seats: {known}); there: multifleet seat bind {name} FOLDER"

    def of_folder(self, folder: str) -> str:
        """The seat of a folder in which a session runs; it gets one if it has none."""
        return self.known_for(folder) or self._adopt(os.path.realpath(folder))

    def known_for(self, folder: str) -> str | None:
        """The seat of a folder, if it has one.

        A folder above counts when the user bound it or when it is a repository; any other is somebody's parent folder.
        """
        place = os.path.realpath(folder)
        return seat_of(place, {row.name: row.folder for row in self._rows.values() if _counts(row, place)})

    def with_node(self, seats: Set[str | None]) -> set[str | None]:
        """These seats; with them None and the seats that are no more, where the node's own mail goes to one of them."""
        if self.default is not None and self.default not in seats:
            return {*seats}
        return {*seats, None, *(self._removed - set(self._rows))}

    async def bind(self, name: str, folder: str, default: bool) -> SeatRow:
        """Bind a seat to a folder because the user says so; a folder that had the default seat still has it."""
        if not is_seat_name(name):
            raise BadInput(f"{name!r} is no seat name: lower-case letters, digits, '.', '_' and '-', at most 63")
        path = _real_folder(folder)
        if path is None:
            raise BadInput(f"{folder} is not a folder: give the project's folder on this machine")
        row = SeatRow(name, path, "claude", BY_USER, None, self._clock.now())
        for other in [other for other in self._rows.values() if other.folder == path and other.name != name]:
            default = default or other.name == self.default
            await self.remove(other.name)
        await self._store.seats.put(row)
        self._rows[name] = row
        self.revision += 1
        if default:
            await self._store.seats.set_default(name)
            self.default = name
        return row

    async def remove(self, name: str) -> None:
        """Forget a seat; mail that waits there stays in the inbox, and goes where mail for the node alone goes."""
        if name not in self._rows:
            raise UnknownSeat(f"no seat {name!r} here: multifleet seats lists those that there are")
        await self._store.seats.remove(name)
        del self._rows[name]
        self.revision += 1
        self._removed.add(name)
        if self.default == name:
            await self._store.seats.set_default(None)
            self.default = None

    def _adopt_projects(self) -> None:
        taken = {row.folder for row in self._rows.values()}
        for project in self._projects():
            folder = os.path.realpath(project)
            if folder not in taken and os.path.isdir(folder):
                self._adopt(folder)
                taken.add(folder)

    def _adopt(self, folder: str) -> str:
        name = seat_name(folder, self._rows)
        row = SeatRow(name, os.path.realpath(folder), "claude", BY_SIGHT, None, self._clock.now())
        self._rows[name] = row
        self.revision += 1
        self._store.seats.put_later(row)
        return name


def _counts(row: SeatRow, place: str) -> bool:
    if row.folder == place:
        return True
    is_above = place.startswith(row.folder.rstrip("/") + "/")
    return is_above and (row.bound_by == BY_USER or os.path.lexists(os.path.join(row.folder, ".git")))


def _real_folder(folder: str) -> str | None:
    path = os.path.realpath(os.path.expanduser(folder))
    return path if os.path.isdir(path) else None
