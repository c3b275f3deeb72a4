"""Keeps records and sockets in step with the remote seats that there are, while a session here can use them.

What must be there is decided in core/native.py. All of it goes when the daemon ends; after a kill, with the next start.
"""

import asyncio
import math
from collections.abc import Callable, Iterable
from contextlib import AsyncExitStack
from pathlib import Path

import msgspec

from multifleet.core import native
from multifleet.core.native import Entry, Known, Nodes
from multifleet.node.clock import NodeClock
from multifleet.node.counters import Counters
from multifleet.node.native.listing import Listing
from multifleet.node.offering.live_sessions import LiveSessions
from multifleet.node.offering.replies import Replies
from multifleet.private_files import read_private, write_private
from multifleet.sessions.base import Session
from multifleet.sessions.claude_registry import CLIENT
from multifleet.sessions.native_dialect import NativeDialect
from multifleet.sessions.own_files import NotOurs

EVERY = 2.0
"""Seconds between two looks; nobody tells that a client began, but its registry has changed then."""
AGAIN = 10.0
"""Seconds after which it is looked at though nothing tells of a change: a session may have got its inbox later."""
JOURNAL, JOURNAL_LIMIT = "native.json", 4 * 1024 * 1024
"""The file in the home that says which seats were listed, and under which folders of the clients."""


class Journal(msgspec.Struct, frozen=True):
    """What lies in the journal."""

    domain: str
    known: dict[str, tuple[float, float]]
    """Address: since when it is listed, and when its machine last told of it."""
    config: str = ""
    """Claude Code's folder, in the journal of an earlier version."""
    folders: dict[str, str] = {}
    """Client: its folder."""


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
        dialects: Iterable[NativeDialect],
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
        self._listings = [Listing(dialect) for dialect in dialects]
        self._fleet = fleet
        self._nodes = nodes
        self._serves = serves
        self._known: dict[str, Known] = {}
        self._domain = ""
        self._seen: object = None
        self._again = 0.0

    @property
    def listed(self) -> set[str]:
        """The remote seats that a client lists now."""
        return {address for listing in self._listings for address in listing.listed}

    async def start(self, stack: AsyncExitStack) -> None:
        """Clear what a killed run left, and have it cleared when this one ends."""
        journal = self._read_journal()
        if journal is not None:
            folders = {CLIENT: journal.config, **journal.folders}
            for listing in self._listings:
                if folder := folders.get(listing.dialect.client):
                    await asyncio.to_thread(listing.dialect.records(Path(folder), journal.domain).clear)
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
            self._domain = domain
            for listing in self._listings:
                listing.records = listing.dialect.records(listing.dialect.config, domain)
        if (self._wanted_nodes(), self._stamps()) == self._seen and self._clock.monotonic() < self._again:
            return
        found = await self._live.find()
        for listing in self._listings:
            of_it = [session for session in found.sessions if session.client == listing.dialect.client]
            listing.is_wanted = any(self._serves(session) for session in of_it)
        nodes = self._wanted_nodes()
        entries: dict[str, Entry] = {}
        if any(listing.is_wanted for listing in self._listings):
            self._known = native.known_now(self._known, nodes, self._clock.now())
            entries = native.entries(self._known, self._fleet(), self._instance)
        await self._keep(entries)
        self._seen = (nodes, self._stamps())
        self._again = self._clock.monotonic() + AGAIN if found.sessions else math.inf

    def _wanted_nodes(self) -> Nodes:
        return self._nodes() if any(listing.is_wanted for listing in self._listings) else {}

    def _stamps(self) -> list[int | None]:
        return [listing.records.stamp() for listing in self._listings]

    async def _keep(self, entries: dict[str, Entry]) -> None:
        before = self.listed
        plans = [(listing, listing.wanted(entries)) for listing in self._listings]
        if not any(listing.gone(wanted) or listing.new(wanted) for listing, wanted in plans):
            return
        # Named before they are made: whoever clears up after a kill must find them.
        await asyncio.to_thread(self._write_journal, {*before, *entries})
        for listing, wanted in plans:
            gone = listing.gone(wanted)
            await asyncio.to_thread(listing.records.remove, [listing.listed[address].number for address in gone])
            for address in gone:
                del listing.listed[address]
        for address in before - self.listed - {address for _, wanted in plans for address in wanted}:
            await self._replies.release(address)
        for listing, wanted in plans:
            for entry in listing.new(wanted):
                await self._put(listing, entry)

    async def _put(self, listing: Listing, entry: Entry) -> None:
        socket = await self._replies.socket_for(entry.address, is_listed=True)
        if socket is None:
            return
        try:
            await asyncio.to_thread(listing.records.put, entry, socket.path, self._clock.now())
        except (NotOurs, OSError) as error:
            self._counters.failed("native_record", reason=error)
            return
        listing.listed[entry.address] = entry

    async def _clear(self) -> None:
        if not self._domain:
            return
        listed = self.listed
        for listing in self._listings:
            await asyncio.to_thread(listing.records.clear)
            listing.listed.clear()
        for address in listed:
            await self._replies.release(address)
        self._seen = None
        if self._known or self._path.exists():
            await asyncio.to_thread(self._write_journal, set(self._known))

    def _write_journal(self, addresses: set[str]) -> None:
        nothing = Known(0.0, 0.0)
        known = {address: self._known.get(address, nothing) for address in sorted(addresses)}
        moments = {address: (one.since, one.seen) for address, one in known.items()}
        folders = {listing.dialect.client: str(listing.dialect.config) for listing in self._listings}
        try:
            write_private(self._path, msgspec.json.encode(Journal(self._domain, moments, folders=folders)))
        except OSError as error:
            self._counters.failed("native_journal", reason=error)

    def _read_journal(self) -> Journal | None:
        found = read_private(self._path, JOURNAL_LIMIT)
        try:
            return msgspec.json.decode(found, type=Journal) if found else None
        except (msgspec.DecodeError, UnicodeDecodeError):
            return None
