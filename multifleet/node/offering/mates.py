"""The addresses of team mates: who has which, and whose mail waits for one that is no more.

A mate's address is made of its lead's seat, whose rules hold for it. It is the mate's alone: what is for the lead's
seat is never for a mate, and what is for a mate never for anybody else.
"""

from collections.abc import Callable, Iterable

import msgspec

from multifleet.core.mates import mate_seat
from multifleet.core.receipts import State
from multifleet.node.clock import NodeClock
from multifleet.sessions.base import Session
from multifleet.store.rows import InboxChange
from multifleet.store.store import Store

NOTE, MOST = "team_mates", 500
"""The key in the store, and how many mates are remembered."""
GRACE = 10.0
"""Seconds for which one that is not listed may come back: the client writes its list anew each time."""
LIMIT = 500
"""Messages at one address that are turned away at a time."""


class Kept(msgspec.Struct, frozen=True):
    """A mate that has, or had, an address."""

    key: str
    address: str
    seat: str
    """Of its lead."""


class Mates:
    """One for the node; `load` before the others."""

    def __init__(
        self,
        node: str,
        store: Store,
        clock: NodeClock,
        known_for: Callable[[str], str | None],
        has: Callable[[str], bool],
    ) -> None:
        """`known_for` names the seat of a folder, `has` says whether there is a seat of that name."""
        self._node = node
        self._store = store
        self._clock = clock
        self._known_for = known_for
        self._has = has
        self._kept: dict[str, Kept] = {}
        """By key, which is the mate's session id; whoever was there last at the end."""
        self._here: dict[str, Session] = {}
        """By address."""
        self._missed: dict[str, float] = {}
        """By address, monotonic: since when its mate has not been there."""

    async def load(self) -> None:
        """Whom an earlier run knew."""
        noted = await self._store.meta.get(NOTE)
        for one in msgspec.json.decode(noted, type=list[Kept]) if noted else []:
            self._kept[one.key] = one
            self._missed[one.address] = self._clock.monotonic()

    def met(self, mates: Iterable[Session]) -> tuple[Session, ...]:
        """These are there now, and no others; those that have an address."""
        before, self._here = self._here, {}
        new: list[tuple[Session, str]] = []
        for mate in mates:
            kept, seat = self._kept.get(mate.session_id), self._known_for(mate.cwd)
            if kept is not None and kept.seat == seat and not self._has(kept.address):
                self._here[kept.address] = mate
            elif seat is not None:
                new.append((mate, seat))
        for mate, seat in new:
            kept = Kept(mate.session_id, self._free(seat, mate.name), seat)
            self._keep(kept)
            self._here[kept.address] = mate
        now = self._clock.monotonic()
        for address in self._here:
            self._missed.pop(address, None)
        for address in before:
            if address not in self._here:
                self._missed[address] = now
        if new:
            self._store.meta.set_later(NOTE, msgspec.json.encode(list(self._kept.values())).decode())
        return tuple(self._here.values())

    def at(self, address: str) -> Session | None:
        """The mate that has this address now."""
        return self._here.get(address)

    def knows(self, address: str | None) -> bool:
        """Whether it is, or was, a mate's, and is no seat."""
        if address is None or self._has(address):
            return False
        return address in self._here or address in self._missed

    def address_of(self, key: str) -> str | None:
        """What to write to, for one that is there."""
        kept = self._kept.get(key)
        return kept.address if kept is not None and kept.address in self._here else None

    @property
    def addresses(self) -> set[str]:
        """Of those that are there."""
        return {*self._here}

    def governs(self, seat: str | None) -> str | None:
        """The seat whose rules hold for this one: for a mate's address that of its lead."""
        if not self.knows(seat):
            return seat
        return next((one.seat for one in reversed(self._kept.values()) if one.address == seat), seat)

    def words(self, address: str) -> str | None:
        """What to tell somebody who wrote to one that is no more."""
        if address in self._here or not self.knows(address):
            return None
        lead = f"{self._node}/{self.governs(address)}"
        return f"the team mate {address} has ended: write to {lead}, where its team is led"

    async def turn_away(self) -> set[str]:
        """Refuse what waits for mates that are no more; the machines that are to be told."""
        now = self._clock.monotonic()
        over = {address for address, since in self._missed.items() if now - since > GRACE}
        senders: set[str] = set()
        for address in sorted(over & await self._store.inbox.seats_waited_at()) if over else ():
            rows = await self._store.inbox.waiting_at(address, LIMIT, self._clock.now())
            words = self.words(address)
            changes = [InboxChange(row.sender, row.id, State.REFUSED, self._clock.now(), words) for row in rows]
            await self._store.inbox.advance(changes)
            senders |= {row.sender for row in rows}
        return senders

    def _free(self, seat: str, name: str) -> str:
        """An address that nobody has: no seat, and no mate that may come back in a moment."""
        now = self._clock.monotonic()
        taken = {*self._here, *(address for address, at in self._missed.items() if now - at <= GRACE)}
        free = mate_seat(seat, name, taken)
        while self._has(free):
            taken.add(free)
            free = mate_seat(seat, name, taken)
        return free

    def _keep(self, kept: Kept) -> None:
        """Its address is no former mate's any more."""
        for former in [one for one in self._kept.values() if one.address == kept.address or one.key == kept.key]:
            del self._kept[former.key]
            self._missed.pop(former.address, None)
        self._kept[kept.key] = kept
        while len(self._kept) > MOST:
            oldest = self._kept.pop(next(iter(self._kept)))
            self._missed.pop(oldest.address, None)
