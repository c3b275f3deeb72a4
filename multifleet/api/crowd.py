"""How many may be connected at once, and who has to go when there is no room.

Whoever is not being answered waits: silent, idle or half-way through a request. Who has waited longest goes, so an
honest peer, which sends a frame at once, is served even among thousands of half-sent requests. Who is being answered
is never sent away, and strangers never take the room of this machine's user.
"""

import asyncio
from dataclasses import dataclass, field
from socket import AF_INET, AF_INET6, inet_ntop, inet_pton
from typing import Protocol

_MAPPED = bytes(10) + b"\xff\xff"


class Member(Protocol):
    """A connection, as the crowd sees it."""

    def give_way(self) -> None:
        """Close at once: the room is needed."""
        ...


@dataclass(slots=True, eq=False)
class _Group:
    """Members that are bounded together."""

    address: str = ""
    size: int = 0
    waiting: dict[Member, None] = field(default_factory=dict)
    """The longest first."""


class Crowd:
    """All open connections, oldest first; those of strangers are bounded together, by address, and by their bodies."""

    def __init__(self, limit: int, strangers: int, per_address: int, body_bytes: int) -> None:
        self._limit = limit
        self._strangers_limit = strangers
        self._per_address = per_address
        self._body_bytes = body_bytes
        self._members: dict[Member, tuple[_Group, ...]] = {}
        self._user = _Group()
        self._strangers = _Group()
        self._addresses: dict[str, _Group] = {}
        self._bodies: dict[Member, int] = {}
        self._body_total = 0
        self._emptied: asyncio.Event | None = None

    def __len__(self) -> int:
        return len(self._members)

    def members(self) -> list[Member]:
        """Everybody, oldest first."""
        return list(self._members)

    def enter(self, member: Member, remote: str | None) -> bool:
        """Admit it, waiting, if need be in the place of another; False: no room. `remote` None: this machine's user."""
        if remote is None:
            if len(self) >= self._limit and not (self._make_room(self._strangers) or self._make_room(self._user)):
                return False
            self._admit(member, self._user)
            return True
        address = neighbourhood(remote)
        near = self._addresses.get(address)
        if near is not None and near.size >= self._per_address and not self._make_room(near):
            return False
        full = self._strangers.size >= self._strangers_limit or len(self) >= self._limit
        if full and not self._make_room(self._strangers):
            return False
        self._admit(member, self._strangers, self._addresses.setdefault(address, _Group(address)))
        return True

    def serve(self, member: Member) -> None:
        """A whole request came, and is being answered."""
        self._body_total -= self._bodies.pop(member, 0)
        for group in self._members.get(member, ()):
            group.waiting.pop(member, None)

    def wait(self, member: Member) -> None:
        """It is answered; from now on it waits."""
        for group in self._members.get(member, ()):
            group.waiting[member] = None

    def weigh(self, member: Member, size: int) -> None:
        """So many bytes of its bodies are kept; a stranger's count, and beyond the bound the oldest are let go."""
        if self._strangers not in self._members.get(member, ()):
            return
        self._body_total += size - self._bodies.get(member, 0)
        self._bodies[member] = size
        while self._body_total > self._body_bytes:
            victim = next((holder for holder in self._bodies if holder in self._strangers.waiting), None)
            if victim is None:
                return
            self._send_away(victim)

    def leave(self, member: Member) -> None:
        """The connection is gone; may be said twice."""
        self.serve(member)
        for group in self._members.pop(member, ()):
            group.size -= 1
            if not group.size:
                self._addresses.pop(group.address, None)
        if self._emptied is not None and not self._members:
            self._emptied.set()

    async def wait_empty(self, timeout: float) -> None:
        """Return when everybody has left, or after so many seconds."""
        self._emptied = asyncio.Event()
        if self._members:
            await asyncio.wait([asyncio.ensure_future(self._emptied.wait())], timeout=timeout)

    def _admit(self, member: Member, *groups: _Group) -> None:
        self._members[member] = groups
        for group in groups:
            group.size += 1
            group.waiting[member] = None

    def _make_room(self, group: _Group) -> bool:
        victim = next(iter(group.waiting), None)
        if victim is not None:
            self._send_away(victim)
        return victim is not None

    def _send_away(self, victim: Member) -> None:
        self.leave(victim)
        victim.give_way()


def neighbourhood(remote: str) -> str:
    """What counts as one address: of IPv6 the /64, which one host has to itself; but link-local ones each alone."""
    if ":" not in remote:
        return remote
    packed = inet_pton(AF_INET6, remote.partition("%")[0])
    if packed.startswith(_MAPPED):
        return inet_ntop(AF_INET, packed[12:])
    link_local = packed[0] == 0xFE and packed[1] & 0xC0 == 0x80
    return remote if link_local else inet_ntop(AF_INET6, packed[:8].ljust(16, b"\0"))
