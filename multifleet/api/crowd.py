"""How many may be connected at once, and who has to go when there is no room.

The newest gets in if somebody else has said nothing for longer: so an honest peer is served even while its
own address is crowded with half-sent requests. Who is being answered is never sent away.
"""

import asyncio
from collections.abc import Iterable
from typing import Protocol


class Member(Protocol):
    """A connection, as the crowd sees it."""

    @property
    def silent(self) -> bool:
        """No whole request has come yet."""
        ...

    @property
    def idle(self) -> bool:
        """All its requests are answered."""
        ...

    def send_away(self) -> None:
        """Close at once."""
        ...


class Crowd:
    """All open connections, oldest first; those that must be bounded also by address."""

    def __init__(self, limit: int, per_address: int) -> None:
        self._limit = limit
        self._per_address = per_address
        self._addresses: dict[str, dict[Member, None]] = {}
        self._members: dict[Member, str | None] = {}
        self._silent: dict[Member, None] = {}
        self._emptied: asyncio.Event | None = None

    def __len__(self) -> int:
        return len(self._members)

    def members(self) -> list[Member]:
        """Everybody, oldest first."""
        return list(self._members)

    def enter(self, member: Member, address: str | None) -> bool:
        """Admit it, sending another away if need be; False: no room. `address` None: any number of these."""
        if address is not None:
            neighbours = self._addresses.get(address, {})
            if len(neighbours) >= self._per_address and not self._make_room(neighbours, neighbours):
                return False
        if len(self._members) >= self._limit and not self._make_room(self._silent, self._members):
            return False
        self._members[member] = address
        self._silent[member] = None
        if address is not None:
            self._addresses.setdefault(address, {})[member] = None
        return True

    def speak(self, member: Member) -> None:
        """The member's first whole request came."""
        self._silent.pop(member, None)

    def leave(self, member: Member) -> None:
        """The connection is gone; may be said twice."""
        address = self._members.pop(member, None)
        self._silent.pop(member, None)
        if address is not None and (neighbours := self._addresses.get(address)):
            neighbours.pop(member, None)
            if not neighbours:
                del self._addresses[address]
        if self._emptied is not None and not self._members:
            self._emptied.set()

    async def wait_empty(self, timeout: float) -> None:
        """Return when everybody has left, or after so many seconds."""
        self._emptied = asyncio.Event()
        if self._members:
            await asyncio.wait([asyncio.ensure_future(self._emptied.wait())], timeout=timeout)

    def _make_room(self, silent: Iterable[Member], idle: Iterable[Member]) -> bool:
        victim = next((m for m in silent if m.silent), None) or next((m for m in idle if m.idle), None)
        if victim is None:
            return False
        self.leave(victim)
        victim.send_away()
        return True
