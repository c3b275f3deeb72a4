"""The pinned members of the fleet and the way to each. A peer's identity key never changes here by itself."""

import json
import sqlite3
from collections.abc import Sequence
from typing import Any

from msgspec.structs import astuple, replace

from multifleet.errors import KeyChanged
from multifleet.store.columns import listed, names
from multifleet.store.database import Database
from multifleet.store.gathering import runs_after
from multifleet.store.rows import PeerRow

_SELECT = f"SELECT {listed(PeerRow)} FROM peers"
_ADDRESSES = names(PeerRow).index("addresses")
_Setting = tuple[str, tuple[Any, ...], str]


class Peers:
    """The members known to this node."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def all(self) -> list[PeerRow]:
        """Every peer, by name."""
        return await self._rows("ORDER BY node")

    async def get(self, node: str) -> PeerRow | None:
        """One peer."""
        found = await self._rows("WHERE node = ?", node)
        return found[0] if found else None

    async def add(self, row: PeerRow) -> None:
        """Pins a peer, or renews card and addresses of the pinned one; KeyChanged if its key is another."""
        await self._database.write(add_peers, row)

    async def remove(self, node: str) -> bool:
        """Unpins a peer; False if there is none."""
        return await self._database.write(_remove, node)

    async def set_addresses(self, node: str, addresses: Sequence[str]) -> None:
        """Replaces the addresses ("host:port") of a peer."""
        await self._database.write(_set, ("addresses = ?", (json.dumps(list(addresses)),), node))

    def best_address_later(self, node: str, address: str | None) -> None:
        """Notes the address that answered last."""
        self._set_later("best_address = ?", (address,), node)

    def heard_later(self, node: str, at: float, from_: str | None) -> None:
        """Notes when and from which address an authenticated word of the peer came."""
        self._set_later("heard_at = ?, heard_from = ?", (at, from_), node)

    def backoff_later(self, node: str, attempt: int, delay: float, elapsed: float) -> None:
        """Notes how far the peer's retry timer is."""
        self._set_later("attempt = ?, delay = ?, elapsed = ?", (attempt, delay, elapsed), node)

    def offset_later(self, node: str, offset: float | None, at: float) -> None:
        """Notes how far the peer's clock is ahead of ours, in seconds."""
        self._set_later("clock_offset = ?, offset_at = ?", (offset, at), node)

    def presence_later(self, node: str, state: str, since: float | None, how: str, incarnation: int) -> None:
        """Notes in which state of presence the peer is, since when, how that is known, and its latest incarnation."""
        self._set_later(
            "state = ?, state_since = ?, state_how = ?, incarnation = ?", (state, since, how, incarnation), node
        )

    def _set_later(self, assignments: str, values: tuple[Any, ...], node: str) -> None:
        self._database.write_later(_set, (assignments, values, node))

    async def _rows(self, where: str, *values: Any) -> list[PeerRow]:
        return await self._database.read(
            lambda connection: [_as_row(found) for found in connection.execute(f"{_SELECT} {where}", values)],
            (_set,),
        )


def add_peers(connection: sqlite3.Connection, rows: Sequence[PeerRow]) -> Sequence[None]:
    """Pins peers inside the open transaction."""
    for row in rows:
        found = connection.execute(f"{_SELECT} WHERE node = ?", (row.node,)).fetchone()
        if found is None:
            marks = ", ".join("?" * len(names(PeerRow)))
            connection.execute(f"INSERT INTO peers ({listed(PeerRow)}) VALUES ({marks})", _as_values(row))
            continue
        pinned = _as_row(found)
        if pinned.ed25519 != row.ed25519:
            raise KeyChanged(
                f"{row.node} shows another identity key than the pinned one: if its owner made a new one,"
                f" remove the peer {row.node} here and join again"
            )
        renewed = replace(
            pinned,
            x25519=row.x25519,
            card=row.card,
            signature=row.signature,
            addresses=row.addresses,
            via=row.via,
        )
        connection.execute(
            "UPDATE peers SET x25519 = ?, card = ?, signature = ?, addresses = ?, via = ? WHERE node = ?",
            (
                renewed.x25519,
                renewed.card,
                renewed.signature,
                json.dumps(renewed.addresses),
                renewed.via,
                row.node,
            ),
        )
    return [None] * len(rows)


def _remove(connection: sqlite3.Connection, nodes: Sequence[str]) -> Sequence[bool]:
    return [connection.execute("DELETE FROM peers WHERE node = ?", (node,)).rowcount > 0 for node in nodes]


@runs_after
def _set(connection: sqlite3.Connection, settings: Sequence[_Setting]) -> Sequence[None]:
    # Only the last of the same columns and peer is worth a statement.
    last = {(assignments, node): values for assignments, values, node in settings}
    for (assignments, node), values in last.items():
        connection.execute(f"UPDATE peers SET {assignments} WHERE node = ?", (*values, node))
    return [None] * len(settings)


def _as_row(found: tuple[Any, ...]) -> PeerRow:
    values = list(found)
    values[_ADDRESSES] = tuple(json.loads(values[_ADDRESSES]))
    return PeerRow(*values)


def _as_values(row: PeerRow) -> list[Any]:
    values = list(astuple(row))
    values[_ADDRESSES] = json.dumps(row.addresses)
    return values
