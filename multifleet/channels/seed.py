"""P4: the frame as a file in the peer's drop/, by SFTP on a kept connection. Written aside, on disk, then renamed, so
that whoever looks there finds it whole; under names that nobody can foresee, so that nothing planted there is met.

What the peer left for this node in its out/ comes back by the same way, at once and in the minutes after.
"""

import asyncio
from collections import OrderedDict
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

from multifleet.channels.base import Carried, ChannelError, Here, Parcel, Success, Target
from multifleet.channels.ssh import mend
from multifleet.channels.ssh_connections import Kept, SshConnections
from multifleet.channels.ssh_facts import DEFAULT_HOME
from multifleet.core.drop import ASIDE, OUT_NAME, seed_name
from multifleet.core.frame import FRAME_LIMIT

if TYPE_CHECKING:
    from asyncssh import SFTPAttrs, SFTPClient

LOOKS = (0.3, 0.7, 1.5, 3.0, 6.0, 12.0, 25.0, 50.0)
"""Seconds after a frame was left, and after anything came back, at which this node looks for what the peer left."""
ABSENT_EVERY = 20.0
"""Seconds between looks at a peer that is not heard, as long as it lets this node in."""
ABSENT_AT_MOST = 300.0
"""The same while it does not."""
LOOK_SECONDS = 10.0
PARKED_REMEMBERED = 8
"""Files of this node in one drop/ that are known again, to be taken away when their messages are sent anew."""
OTHERS_MAY_WRITE = 0o022


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
        peer = self._peers.setdefault(target.node, _Peer())
        async with self._connections.sftp(target) as (sftp, kept):
            home = await self._home(sftp, kept)
            path = await self._leave(sftp, f"{home}/drop", parcel.frame)
            await self._replace(sftp, peer, path, parcel)
            brought = await self._fetch(sftp, home, peer)
        now = self._here.monotonic()
        peer.looks = [now + after for after in LOOKS]
        self._more.set()
        return Carried(Success.PARKED, where=f"drop/ of {target.node}", brought=brought)

    async def mend(self, target: Target) -> str:
        """Log in anew."""
        return await mend(self._connections, target)

    async def _home(self, sftp: "SFTPClient", kept: Kept) -> str:
        """The peer's home, once its drop/ is seen to be a folder that nobody but its owner writes to."""
        if "home" in kept.notes:
            return kept.notes["home"]
        import stat

        import asyncssh

        home = self._connections.peers.facts.of(kept.node).home
        try:
            found = await sftp.lstat(f"{home}/drop")
        except asyncssh.SFTPNoSuchFile:
            hint = "; its own word on where its home is has not come yet" if home == DEFAULT_HOME else ""
            raise ChannelError(f"{kept.login}: there is no {home}/drop{hint}") from None
        mode = found.permissions or 0
        if not stat.S_ISDIR(mode) or mode & OTHERS_MAY_WRITE:
            raise ChannelError(f"{kept.login}: {home}/drop is no folder of one user alone")
        kept.notes["owner"] = str(found.uid)
        kept.notes["home"] = home
        return home

    async def _leave(self, sftp: "SFTPClient", drop: str, frame: bytes) -> str:
        import asyncssh
        from asyncssh import FXF_CREAT, FXF_EXCL, FXF_WRITE

        name = seed_name(self._here.random(16).hex())
        aside, path = f"{drop}/{ASIDE}{name}", f"{drop}/{name}"
        attrs = asyncssh.SFTPAttrs(permissions=0o600)
        file = await sftp.open(aside, FXF_WRITE | FXF_CREAT | FXF_EXCL, attrs, encoding=None)
        try:
            async with file:
                await file.write(frame)
                await file.fsync()
            await sftp.rename(aside, path)
        except (asyncssh.SFTPError, OSError):
            await sftp.remove(aside)
            raise
        return path

    async def _replace(self, sftp: "SFTPClient", peer: _Peer, path: str, parcel: Parcel) -> None:
        """Take away what this frame makes needless, so that a peer that stays away is not filled with copies."""
        import asyncssh

        ids = frozenset(parcel.ids)
        for earlier, its in list(peer.parked.items()):
            if its <= ids:
                del peer.parked[earlier]
                try:
                    await sftp.remove(earlier)
                except asyncssh.SFTPNoSuchFile:
                    pass  # the peer has taken it
        peer.parked[path] = ids
        while len(peer.parked) > PARKED_REMEMBERED:
            peer.parked.popitem(last=False)

    async def _fetch(self, sftp: "SFTPClient", home: str, peer: _Peer) -> tuple[bytes, ...]:
        """The frame that lies there for this node, unless it is the one that was fetched before."""
        import asyncssh

        path = f"{home}/out/{self._here.node}/{OUT_NAME}"
        try:
            found = await sftp.lstat(path)
            if not _is_frame(found) or peer.fetched == (found.mtime, found.size):
                return ()
            async with await sftp.open(path, asyncssh.FXF_READ, encoding=None) as file:
                frame = await file.read(FRAME_LIMIT + 1)
        except asyncssh.SFTPNoSuchFile:
            return ()
        if not isinstance(frame, bytes) or len(frame) > FRAME_LIMIT:
            return ()
        peer.fetched = (found.mtime or 0, found.size or 0)
        return (frame,)

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
        if not peer.absent_at:
            peer.absent_at = now + peer.absent_wait
        return peer.absent_at <= now

    async def _visit(self, target: Target) -> None:
        peer = self._peers[target.node]
        try:
            async with asyncio.timeout(LOOK_SECONDS):
                async with self._connections.sftp(target) as (sftp, kept):
                    brought = await self._fetch(sftp, await self._home(sftp, kept), peer)
        except (ChannelError, TimeoutError) as error:
            peer.looks = []
            peer.absent_wait = min(ABSENT_AT_MOST, 2 * peer.absent_wait)
            self._here.count("seed_look_failed", peer=target.node, reason=error or "no answer in time")
            brought = ()
        else:
            peer.absent_wait = ABSENT_EVERY
        now = self._here.monotonic()
        peer.absent_at = now + peer.absent_wait
        for frame in brought:
            await self._here.receive(frame, f"out/ of {target.node}", self.name, True)
            peer.looks = [now + after for after in LOOKS]


def _is_frame(found: "SFTPAttrs") -> bool:
    import stat

    return stat.S_ISREG(found.permissions or 0) and 0 < (found.size or 0) <= FRAME_LIMIT
