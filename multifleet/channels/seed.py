"""P4: the frame as a file in the peer's drop/, by SFTP on a kept connection. Written aside, on disk, then renamed, so
that whoever looks there finds it whole; under names that nobody can foresee, so that nothing planted there is met.

What the peer left for this node in its out/ comes back by the same way, at once and in the minutes after.
"""

import asyncio
from collections import OrderedDict
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from functools import partial
from typing import ClassVar

from multifleet.channels.base import Carried, ChannelError, Here, Parcel, Success, Target
from multifleet.channels.ssh import mend
from multifleet.channels.ssh_connections import SshConnections, once_more
from multifleet.core.drop import seed_name

LOOKS = (0.3, 0.7, 1.5, 3.0, 6.0, 12.0, 25.0, 50.0)
"""Seconds after a frame was left, and after anything came back, at which this node looks for what the peer left."""
ABSENT_EVERY = 20.0
"""Seconds between looks at a peer that is not heard, as long as it lets this node in."""
ABSENT_AT_MOST = 300.0
"""The same while it does not."""
LOOK_SECONDS = 10.0
NO_ROOM = 507
"""How a frame is answered that cannot be written now."""
PARKED_REMEMBERED = 8
"""Files of this node in one drop/ that are known again, to be taken away when their messages are sent anew."""


@dataclass(eq=False)
class _Peer:
    """What is remembered of the visits to one peer."""

    parked: "OrderedDict[str, frozenset[str]]" = field(default_factory=OrderedDict)
    """Path there: the messages in it."""
    fetched: tuple[int, int] = (0, 0)
    """Moment and size of the file that was fetched last."""
    looks: list[float] = field(default_factory=list)
    """Moments at which to look again."""
    absent_at: float = 0.0
    absent_wait: float = ABSENT_EVERY


class SeedChannel:
    """P4."""

    name: ClassVar[str] = "seed"

    def __init__(self, connections: SshConnections) -> None:
        self._connections = connections
        self._peers: dict[str, _Peer] = {}
        self._more = asyncio.Event()
        self._here: Here

    async def start(self, stack: AsyncExitStack, here: Here) -> None:
        """Nothing is opened before it is wanted."""
        self._here = here
        await self._connections.start(stack, here)
        if any(entry.user for entry in here.config.nodes.values()):
            here.spawn("seed looks", self._look)

    def reaches(self, target: Target) -> str:
        """Whether a login is configured."""
        return self._connections.why_not(target)

    async def deliver(self, target: Target, parcel: Parcel) -> Carried:
        """Leave the frame there, and bring what lies there for this node."""
        return await once_more(partial(self._deliver, target, parcel))

    async def _deliver(self, target: Target, parcel: Parcel) -> Carried:
        peer = self._peers.setdefault(target.node, _Peer())
        async with self._connections.sftp(target) as (sftp, kept):
            from multifleet.channels import seed_files

            home = await seed_files.find_home(sftp, kept, self._connections.peers.facts.of(target.node).home)
            name = seed_name(self._here.random(16).hex())
            await seed_files.leave(sftp, kept, home, name, parcel.frame)
            path, _, left = await asyncio.gather(
                seed_files.show(sftp, home, name),
                seed_files.take_away(sftp, self._needless(peer, parcel)),
                seed_files.fetch(sftp, kept, home, self._here.node, peer.fetched),
            )
            self._remember(peer, path, parcel)
        now = self._here.monotonic()
        peer.looks = [now + after for after in LOOKS]
        self._more.set()
        if left is not None:
            peer.fetched = left.mark
        return Carried(Success.PARKED, where=f"drop/ of {target.node}", brought=(left.frame,) if left else ())

    async def mend(self, target: Target) -> str:
        """Log in anew."""
        return await mend(self._connections, target)

    def _needless(self, peer: _Peer, parcel: Parcel) -> list[str]:
        """Files that this frame makes needless: a peer that stays away is not to be filled with copies."""
        ids = frozenset(parcel.ids)
        found = [path for path, its in peer.parked.items() if its <= ids]
        for path in found:
            del peer.parked[path]
        return found

    def _remember(self, peer: _Peer, path: str, parcel: Parcel) -> None:
        peer.parked[path] = frozenset(parcel.ids)
        while len(peer.parked) > PARKED_REMEMBERED:
            peer.parked.popitem(last=False)

    async def _look(self) -> None:
        """Look for what peers left: after this node left something, and now and then where a peer is not heard."""
        while True:
            self._more.clear()
            now = self._here.monotonic()
            due = [target for target in self._here.targets() if not self.reaches(target) and self._is_due(target, now)]
            await asyncio.gather(*(self._visit(target) for target in due))
            times = [moment for peer in self._peers.values() for moment in [*peer.looks[:1], peer.absent_at] if moment]
            wait = min([*times, now + ABSENT_EVERY]) - self._here.monotonic()
            try:
                async with asyncio.timeout(max(0.05, wait)):
                    await self._more.wait()
            except TimeoutError:
                pass  # something is due

    def _is_due(self, target: Target, now: float) -> bool:
        peer = self._peers.setdefault(target.node, _Peer())
        if peer.looks and peer.looks[0] <= now:
            peer.looks = [moment for moment in peer.looks if moment > now]
            return True
        if target.is_there:
            peer.absent_at, peer.absent_wait = 0.0, ABSENT_EVERY
            return False
        if peer.absent_wait > ABSENT_EVERY and self._connections.is_open(target.node):
            return now >= peer.absent_at - peer.absent_wait + ABSENT_EVERY  # it lets this node in again
        if not peer.absent_at:
            peer.absent_at = now + peer.absent_wait
        return peer.absent_at <= now

    async def _visit(self, target: Target) -> None:
        peer = self._peers[target.node]
        left = None
        try:
            async with asyncio.timeout(LOOK_SECONDS), self._connections.sftp(target) as (sftp, kept):
                from multifleet.channels import seed_files

                home = await seed_files.find_home(sftp, kept, self._connections.peers.facts.of(target.node).home)
                left = await seed_files.fetch(sftp, kept, home, self._here.node, peer.fetched)
        except (ChannelError, TimeoutError) as error:
            if not peer.looks:
                peer.absent_wait = min(ABSENT_AT_MOST, 2 * peer.absent_wait)
            self._here.count("seed_look_failed", peer=target.node, reason=str(error) or "no answer in time")
        else:
            peer.absent_wait = ABSENT_EVERY
        peer.absent_at = self._here.monotonic() + peer.absent_wait
        if left is not None:
            status, _ = await self._here.receive(left.frame, f"out/ of {target.node}", self.name, True)
            if status != NO_ROOM:  # else it is fetched again
                peer.fetched = left.mark
