"""What may be forgotten, and when. Never what is open, never an id while its message could return."""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

from multifleet.core.inbox_share import EACH
from multifleet.store.inbox_writes import OPEN

DAY = 86_400.0
KEPT_DAYS = 30


@dataclass(frozen=True, slots=True)
class Pruned:
    """How many rows were dropped."""

    outbox: int
    inbox: int
    nonces: int


def prune(connection: sqlite3.Connection, moments: Sequence[float]) -> Sequence[Pruned]:
    """Drops what is older than it need be; with the replay clock's time."""
    return [_prune(connection, now) for now in moments]


def _prune(connection: sqlite3.Connection, now: float) -> Pruned:
    old = now - KEPT_DAYS * DAY
    connection.execute(
        "DELETE FROM receipts WHERE message_id IN (SELECT id FROM outbox WHERE closed_at < ?) AND NOT EXISTS"
        " (SELECT 1 FROM outbox WHERE id = message_id AND (closed_at IS NULL OR closed_at >= ?))",
        (old, old),
    )
    outbox = connection.execute("DELETE FROM outbox WHERE closed_at < ?", (old,)).rowcount
    connection.execute(
        "UPDATE inbox_shares SET size = size - gone.much FROM"
        f" (SELECT sender, sum(length(body) + {EACH}) AS much FROM inbox WHERE expires < ? AND NOT {OPEN}"
        " GROUP BY sender) AS gone WHERE gone.sender = inbox_shares.sender",
        (int(old),),
    )
    inbox = connection.execute(
        f"DELETE FROM inbox WHERE expires < ? AND NOT {OPEN}",
        (int(old),),
    ).rowcount
    nonces = connection.execute("DELETE FROM nonces WHERE keep_until < ?", (int(now),)).rowcount
    connection.execute("DELETE FROM relayed WHERE keep_until < ?", (int(now),))
    connection.execute("DELETE FROM escalations WHERE at < ?", (now - DAY,))
    connection.execute("DELETE FROM offers WHERE finished = 1 AND at < ?", (old,))
    connection.execute("DELETE FROM invites WHERE expires < ?", (old,))
    return Pruned(outbox, inbox, nonces)
