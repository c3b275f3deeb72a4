"""Where each case is on the repair ladder, and how often a peer was turned to, for the next start. Decides nothing."""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

from multifleet.core.ladder import Case, Escalation, Level
from multifleet.store.database import Database


@dataclass(frozen=True, slots=True)
class _Change:
    kept: tuple[Case, ...] = ()
    closed: tuple[tuple[str, str], ...] = ()
    escalation: Escalation | None = None
    taken_back: Escalation | None = None


class Healing:
    """The open cases, and the escalations of the last day."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def load(self) -> tuple[list[Case], list[Escalation]]:
        """All of it."""

        def query(connection: sqlite3.Connection) -> tuple[list[Case], list[Escalation]]:
            cases = [
                Case(peer, channel, evidence, began_at, Level(level), at, outcome, bool(taken_up))
                for peer, channel, evidence, began_at, level, at, outcome, taken_up in connection.execute(
                    "SELECT peer, channel, evidence, began_at, level, at, outcome, taken_up FROM repair_cases"
                )
            ]
            lately = connection.execute("SELECT peer, level, at FROM escalations ORDER BY row")
            return cases, [Escalation(peer, Level(level), at) for peer, level, at in lately]

        return await self._database.read(query, (_write,))

    def keep_later(self, cases: Sequence[Case]) -> None:
        """Where these are now, with the next commit."""
        self._database.write_later(_write, _Change(kept=tuple(cases)))

    def close_later(self, cases: Sequence[Case]) -> None:
        """These are over."""
        self._database.write_later(_write, _Change(closed=tuple((case.peer, case.channel) for case in cases)))

    async def escalate(self, escalation: Escalation) -> None:
        """Durable when it returns: what is not on disk could be done again after each of many starts."""
        await self._database.write(_write, _Change(escalation=escalation))

    def take_back_later(self, escalation: Escalation) -> None:
        """It reached nobody, and does not count."""
        self._database.write_later(_write, _Change(taken_back=escalation))


def _write(connection: sqlite3.Connection, changes: Sequence[_Change]) -> Sequence[None]:
    for change in changes:
        connection.executemany(
            "INSERT OR REPLACE INTO repair_cases VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            [
                (
                    case.peer,
                    case.channel,
                    case.evidence,
                    case.began_at,
                    case.level,
                    case.at,
                    case.outcome,
                    case.taken_up,
                )
                for case in change.kept
            ],
        )
        connection.executemany("DELETE FROM repair_cases WHERE peer = ? AND channel = ?", change.closed)
        if (one := change.escalation) is not None:
            connection.execute(
                "INSERT INTO escalations (peer, level, at) VALUES (?, ?, ?)", (one.peer, one.level, one.at)
            )
        if (one := change.taken_back) is not None:
            connection.execute(
                "DELETE FROM escalations WHERE peer = ? AND level = ? AND at = ?", (one.peer, one.level, one.at)
            )
    return [None] * len(changes)
