"""Invitations: each admits one identity, in the transaction that pins it. Secrets are never logged."""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

from msgspec.structs import astuple

from multifleet.errors import InviteExpired, InviteWrong
from multifleet.store.columns import listed, names
from multifleet.store.database import Database
from multifleet.store.roster import Kept, keep_all
from multifleet.store.rows import InviteRow

_SELECT = f"SELECT {listed(InviteRow)} FROM invites"
_MARKS = ", ".join("?" * len(names(InviteRow)))
_MOST_REQUESTS = 32
"""By one machine, with one code."""


@dataclass(frozen=True, slots=True)
class _Use:
    invite: str
    ed25519: bytes
    nonce: str
    kept: Kept
    now: float


class Invites:
    """The invitations of this node."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, row: InviteRow) -> None:
        """Durable when it returns."""
        await self._database.write(_add, row)

    async def open(self, now: float) -> list[InviteRow]:
        """Invitations whose time is not over, used ones too: their user may ask again."""
        sql = f"{_SELECT} WHERE expires > ? ORDER BY expires"
        return await self._database.read(
            lambda connection: [InviteRow(*found) for found in connection.execute(sql, (now,))],
            (),
        )

    async def use(self, invite: str, ed25519: bytes, nonce: str, kept: Kept, *, now: float) -> bool:
        """Uses an invitation up and keeps what follows, both or neither; the same identity may do it again until it
        expires. False, and nothing is kept, for a request (`nonce`) that was answered before. Raises InviteWrong,
        InviteExpired or KeyChanged.
        """
        return await self._database.write(_use, _Use(invite, ed25519, nonce, kept, now))


def _add(connection: sqlite3.Connection, rows: Sequence[InviteRow]) -> Sequence[None]:
    connection.executemany(
        f"INSERT INTO invites ({listed(InviteRow)}) VALUES ({_MARKS})", [astuple(row) for row in rows]
    )
    return [None] * len(rows)


def _use(connection: sqlite3.Connection, uses: Sequence[_Use]) -> Sequence[bool]:
    return [_use_one(connection, use) for use in uses]


def _use_one(connection: sqlite3.Connection, use: _Use) -> bool:
    found = connection.execute(f"{_SELECT} WHERE id = ?", (use.invite,)).fetchone()
    if found is None:
        raise InviteWrong("this join code is unknown here: ask for a new one with `multifleet invite`")
    invite = InviteRow(*found)
    nonces = invite.nonces.split()
    if invite.expires <= use.now or invite.used_by not in (None, use.ed25519) or len(nonces) >= _MOST_REQUESTS:
        raise InviteExpired("this join code is used or too old: ask for a new one with `multifleet invite`")
    if use.nonce in nonces:
        return False
    keep_all(connection, [use.kept])
    connection.execute(
        "UPDATE invites SET used_by = ?, nonces = ? WHERE id = ?",
        (use.ed25519, " ".join([*nonces, use.nonce]), use.invite),
    )
    return True
