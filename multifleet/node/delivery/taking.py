"""Decides of each packet of a frame whether it is taken, and proves no author twice.

Frames with messages that want a proof pass one at a time for each member: copies of one wait until the first is stored,
and are then known for what they are, so that no program runs for them. Nothing is parsed or stored here.
"""

import asyncio
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

import msgspec

from multifleet.core.budgets import Key
from multifleet.core.fence import Authority
from multifleet.node.authority.admission import Admission, NotTaken, key_of
from multifleet.store import rows
from multifleet.store.store import Store

UNREAD_ID = "00000000-0000-0000-0000-000000000000"
AGAIN = "its frame was taken before"


@dataclass(frozen=True, slots=True)
class Taken:
    """One packet after reading: a row to store, or why not."""

    id: str
    row: rows.InboxRow | None
    reason: str = ""


class Taking:
    """One for the node."""

    def __init__(self, store: Store, admission: Admission) -> None:
        self._store = store
        self._admission = admission
        self._turns: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    @asynccontextmanager
    async def turn(self, sender: str, nonce: str, read: Iterable[Taken]) -> AsyncIterator[bool]:
        """Held until the frame is stored; whether it was before, which is asked only where something wants a proof."""
        if not any(one.row is not None and _wants_proof(one.row) for one in read):
            yield False
            return
        async with self._turns[sender]:
            yield await self._store.nonces.is_known(sender, nonce)

    async def taken(
        self, sender: str, read: Sequence[Taken], packets: Sequence[msgspec.Raw], again: bool
    ) -> list[Taken]:
        """What becomes of each; `again`: the frame was stored before."""
        pending: Counter[Key] = Counter()
        found = []
        for one, packet in zip(read, packets, strict=True):
            admitted = await self._admitted(one, bytes(packet), pending, again)
            found.append(await self._unless_stored(sender, admitted))
        return found

    async def _admitted(self, one: Taken, packet: bytes, pending: Counter[Key], again: bool) -> Taken:
        """Unless it is not wanted here; with what is known of its author, which is never only what its sender says."""
        if one.row is None:
            return one
        if _wants_proof(one.row):
            if (kept := await self._store.inbox.get(one.row.sender, one.id)) is not None:
                return Taken(one.id, kept)
            if again:
                return Taken(UNREAD_ID, None, AGAIN)
        try:
            row = await self._admission.admit(one.row, packet, pending)
        except NotTaken as reason:
            return Taken(one.id, None, str(reason))
        if (key := key_of(row)) is not None:
            pending[key] += 1
        return Taken(one.id, row)

    async def _unless_stored(self, sender: str, one: Taken) -> Taken:
        """What was stored before is not turned away when it comes again, though its seat may be gone meanwhile."""
        if one.row is not None or one.id == UNREAD_ID:
            return one
        return Taken(one.id, await self._store.inbox.get(sender, one.id), one.reason)


def _wants_proof(row: rows.InboxRow) -> bool:
    """Whether its sender says that a person wrote it."""
    return row.authority == Authority.HUMAN
