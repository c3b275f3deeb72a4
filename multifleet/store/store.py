"""The store of a node: its tables side by side on one database. It decides nothing."""

import sqlite3
from pathlib import Path
from typing import Self

from multifleet.store.channel_health import ChannelHealth
from multifleet.store.database import Database
from multifleet.store.healing import Healing
from multifleet.store.inbox import Inbox
from multifleet.store.invites import Invites
from multifleet.store.keys import Keys
from multifleet.store.meta import CREATED_AT, Meta
from multifleet.store.nonces import Nonces
from multifleet.store.offers import Offers
from multifleet.store.outbox import Outbox
from multifleet.store.peers import Peers
from multifleet.store.receipts import Receipts
from multifleet.store.relayed import Relayed
from multifleet.store.retention import Pruned, prune
from multifleet.store.roster import RosterDocuments
from multifleet.store.seats import Seats


class Store:
    """Everything this node keeps; made by `open`, used from one event loop."""

    def __init__(self, database: Database, created_at: float) -> None:
        self.database = database
        self.created_at = created_at
        self.meta = Meta(database)
        self.outbox = Outbox(database)
        self.receipts = Receipts(database)
        self.inbox = Inbox(database)
        self.nonces = Nonces(database)
        self.peers = Peers(database)
        self.health = ChannelHealth(database)
        self.seats = Seats(database)
        self.offers = Offers(database)
        self.invites = Invites(database)
        self.keys = Keys(database)
        self.roster = RosterDocuments(database)
        self.relayed = Relayed(database)
        self.healing = Healing(database)

    @classmethod
    def open(cls, home: Path, now: float, *, set_aside: bool = True) -> Self:
        """Opens or makes `store.db` in the home; `now` is noted as its creation if it is new."""

        def note_creation(connection: sqlite3.Connection) -> None:
            connection.execute("INSERT INTO meta VALUES (?, ?) ON CONFLICT DO NOTHING", (CREATED_AT, repr(now)))

        def read_creation(connection: sqlite3.Connection) -> float:
            return float(connection.execute("SELECT value FROM meta WHERE key = ?", (CREATED_AT,)).fetchone()[0])

        database = Database.open(home / "store.db", set_aside=set_aside, prepare=note_creation)
        return cls(database, database.read_now(read_creation))

    @property
    def set_aside(self) -> Path | None:
        """Where a damaged file was put when the store was opened."""
        return self.database.set_aside

    async def prune(self, now: float) -> Pruned:
        """Forgets what is old; `now` by the replay clock."""
        return await self.database.write(prune, now)

    async def aclose(self) -> None:
        """Commits what waits and closes."""
        await self.database.aclose()
