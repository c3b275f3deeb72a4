"""Keeps records and sockets in step with the remote seats that there are, while a session here can use them.

What must be there is decided in core/native.py. All of it goes when the daemon ends; after a kill, with the next start.
"""

import asyncio
import math
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path

import msgspec

from multifleet.core import native
from multifleet.core.native import Entry, Known, Nodes
from multifleet.node.clock import NodeClock
from multifleet.node.counters import Counters
from multifleet.node.offering.live_sessions import LiveSessions
from multifleet.node.offering.replies import Replies
from multifleet.private_files import read_private, write_private
from multifleet.sessions.base import Session
from multifleet.sessions.native_records import NativeRecords
from multifleet.sessions.own_files import NotOurs

EVERY = 2.0
"""Seconds between two looks; nobody tells that a client began, but its registry has changed then."""
AGAIN = 10.0
"""Seconds after which it is looked at though nothing tells of a change: a session may have got its inbox later."""
JOURNAL, JOURNAL_LIMIT = "native.json", 4 * 1024 * 1024
"""The file in the home that says which seats were listed, and under which folder of the client."""


class Journal(msgspec.Struct, frozen=True):
    """What lies in the journal."""

    config: str
    domain: str
    known: dict[str, tuple[float, float]]
    """Address: since when it is listed, and when its machine last told of it."""


class NativePresence:
    """One for the node."""

    def __init__(
        self,
        home: Path,
        instance: str,
        clock: NodeClock,
        counters: Counters,
        live: LiveSessions,
        replies: Replies,
        *,
        fleet: Callable[[], str],
        nodes: Callable[[], Nodes],
        serves: Callable[[Session], bool],
    ) -> None:
        """`nodes` tells the seats of the other members; `serves` whether a session's client is known to list them."""
        self._path = home / JOURNAL
        self._instance = instance
        self._clock = clock
        self._counters = counters
        self._live = live
        self._replies = replies
        self._fleet = fleet
        self._nodes = nodes
        self._serves = serves
        self._known: dict[str, Known] = {}
        self._listed: dict[str, Entry] = {}
        self._domain = ""
        self._records: NativeRecords
        self._is_wanted = False
        self._seen: object = None
        self._again = 0.0

    @property
    def listed(self) -> dict[str, Entry]:
        """The remote seats that are listed now."""
        return dict(self._listed)

    async def start(self, stack: AsyncExitStack) -> None:
        """Clear what a killed run left, and have it cleared when this one ends."""
        journal = self._read_journal()
        if journal is not None:
            left = NativeRecords(Path(journal.config), journal.domain)
            await asyncio.to_thread(lambda: left.remove(left.left_behind()))
            for address, (since, seen) in journal.known.items():
                self._replies.remove_stale(address)
                self._known[address] = Known(since, seen)
        stack.push_async_callback(self._clear)

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(EVERY)

    async def look(self) -> None:
        """Put right what is not in step, if anything has changed."""
        domain = native.domain(self._fleet(), self._instance)
        if domain != self._domain:
            await self._clear()  # it has joined another fleet
            self._domain, self._records = domain, NativeRecords(self._live.config, domain)
        nodes = self._nodes() if self._is_wanted else {}
        if (nodes, self._records.stamp()) == self._seen and self._clock.monotonic() < self._again:
            return
        found = await self._live.find()
        self._is_wanted = any(self._serves(session) for session in found.sessions)
        nodes = self._nodes() if self._is_wanted else {}
        entries: dict[str, Entry] = {}
        if self._is_wanted:
            self._known = native.known_now(self._known, nodes, self._clock.now())
            entries = native.entries(self._known, self._fleet(), self._instance)
        await self._keep(entries)
        self._seen = (nodes, self._records.stamp())
        self._again = self._clock.monotonic() + AGAIN if found.sessions else math.inf

    async def _keep(self, wanted: dict[str, Entry]) -> None:
        gone = [address for address in self._listed if address not in wanted]
        new = [
            entry
            for address, entry in wanted.items()
            if self._listed.get(address) != entry or not self._records.has(entry.number)
        ]
        if not gone and not new:
            return
        # Named before they are made: whoever clears up after a kill must find them.
        await asyncio.to_thread(self._write_journal, {*self._listed, *wanted})
        await asyncio.to_thread(self._records.remove, [self._listed[address].number for address in gone])
        for address in gone:
            del self._listed[address]
            await self._replies.release(address)
        for entry in new:
            await self._put(entry)

    async def _put(self, entry: Entry) -> None:
        socket = await self._replies.socket_for(entry.address, is_listed=True)
        if socket is None:
            return
        try:
            await asyncio.to_thread(self._records.put, entry, socket.path, self._clock.now())
        except (NotOurs, OSError) as error:
            self._counters.failed("native_record", reason=error)
            return
        self._listed[entry.address] = entry

    async def _clear(self) -> None:
        if not self._domain:
            return
        await asyncio.to_thread(lambda: self._records.remove(self._records.left_behind()))
        for address in self._listed:
            await self._replies.release(address)
        self._listed.clear()
        self._seen = None
        if self._known or self._path.exists():
            await asyncio.to_thread(self._write_journal, set(self._known))

    def _write_journal(self, addresses: set[str]) -> None:
        nothing = Known(0.0, 0.0)
        known = {address: self._known.get(address, nothing) for address in sorted(addresses)}
        moments = {address: (one.since, one.seen) for address, one in known.items()}
        try:
            write_private(self._path, msgspec.json.encode(Journal(str(self._live.config), self._domain, moments)))
        except OSError as error:
            self._counters.failed("native_journal", reason=error)

    def _read_journal(self) -> Journal | None:
        found = read_private(self._path, JOURNAL_LIMIT)
        try:
            return msgspec.json.decode(found, type=Journal) if found else None
        except (msgspec.DecodeError, UnicodeDecodeError):
            return None
