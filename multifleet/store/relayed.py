"""Frames that this node keeps for others. Whoever was told `parked` keeps it through kill -9 and power cuts."""

import sqlite3
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from multifleet.core.relay_quota import Kept, no_room
from multifleet.store.columns import listed, names, values_of
from multifleet.store.database import Database
from multifleet.store.rows import RelayedRow

_COLUMNS = listed(RelayedRow)
_MARKS = ", ".join("?" * len(names(RelayedRow)))
_values = values_of(RelayedRow)
_TOTALS = "SELECT count(*), coalesce(sum(size), 0) FROM relayed"


@dataclass(frozen=True, slots=True)
class Parked:
    """What became of a frame: it is on disk, now or from before; or why it is not, in words."""

    fresh: bool = False
    refused: str = ""


@dataclass(frozen=True, slots=True)
class _Forget:
    recipient: str
    marks: Sequence[str]


class Relayed:
    """The mail of other nodes on this one."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def park(self, row: RelayedRow) -> Parked:
        """Durable when it returns, unless it says why not."""
        return await self._database.write(_park, row)

    async def waiting(self, recipient: str, most: int, size: int, without: Collection[str] = ()) -> list[RelayedRow]:
        """The oldest frames for a node, but not these: at most so many, and bytes; one is always among them."""

        def query(connection: sqlite3.Connection) -> list[RelayedRow]:
            found: list[RelayedRow] = []
            left = size
            sql = f"SELECT {_COLUMNS} FROM relayed WHERE recipient = ? ORDER BY row"
            for values in connection.execute(sql, (recipient,)):
                row = RelayedRow(*values)
                if row.mark in without:
                    continue
                left -= row.size
                if len(found) == most or (found and left < 0):
                    break
                found.append(row)
            return found

        return await self._database.read(query, (_forget,))

    async def recipients(self) -> set[str]:
        """For whom something lies here."""
        sql = "SELECT DISTINCT recipient FROM relayed"
        return await self._database.read(lambda connection: {row[0] for row in connection.execute(sql)}, (_forget,))

    async def kept(self) -> Kept:
        """How much lies here."""
        return await self._database.read(lambda connection: Kept(*connection.execute(_TOTALS).fetchone()), (_forget,))

    def forget_later(self, recipient: str, marks: Sequence[str]) -> None:
        """Drops what its recipient has taken; only what is for this one."""
        self._database.write_later(_forget, _Forget(recipient, marks))

    async def drop_between_strangers(self, members: Collection[str]) -> int:
        """Drops what is from or for somebody who is no member; how many frames."""
        return await self._database.write(_drop_strangers, frozenset(members))


def _park(connection: sqlite3.Connection, rows: Sequence[RelayedRow]) -> Sequence[Parked]:
    of_all = Kept(*connection.execute(_TOTALS).fetchone())
    of_sender: dict[str, Kept] = {}
    parked: list[Parked] = []
    for row in rows:
        if connection.execute("SELECT 1 FROM relayed WHERE mark = ?", (row.mark,)).fetchone():
            parked.append(Parked())
            continue
        held = of_sender.get(row.sender)
        if held is None:
            held = Kept(*connection.execute(f"{_TOTALS} WHERE sender = ?", (row.sender,)).fetchone())
        refused = no_room(held, of_all, row.size)
        if not refused:
            connection.execute(f"INSERT INTO relayed ({_COLUMNS}) VALUES ({_MARKS})", _values(row))
            held, of_all = held.plus(row.size), of_all.plus(row.size)
        of_sender[row.sender] = held
        parked.append(Parked(fresh=not refused, refused=refused))
    return parked


def _forget(connection: sqlite3.Connection, all: Sequence[_Forget]) -> Sequence[None]:
    marks = [(forget.recipient, mark) for forget in all for mark in forget.marks]
    connection.executemany("DELETE FROM relayed WHERE recipient = ? AND mark = ?", marks)
    return [None] * len(all)


def _drop_strangers(connection: sqlite3.Connection, all: Sequence[frozenset[str]]) -> Sequence[int]:
    dropped = []
    for members in all:
        pairs = connection.execute("SELECT DISTINCT sender, recipient FROM relayed").fetchall()
        gone = [pair for pair in pairs if not members.issuperset(pair)]
        sql = "DELETE FROM relayed WHERE sender = ? AND recipient = ?"
        dropped.append(sum(connection.execute(sql, pair).rowcount for pair in gone))
    return dropped
