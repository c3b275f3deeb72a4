"""P5: the frame on standard input of `multifleet receive` at the peer, over SSH. Needs no daemon there: `receive` hands
over to one that answers, writes itself where none runs, and lays the frame into drop/ where it can do neither.

What comes back beside the answer are frames that waited there for this node. One `receive` runs at a time on a peer for
this node: each is a program to start there, and what waits for its turn meanwhile gathers into larger frames.
"""

import asyncio
from collections import defaultdict
from contextlib import AsyncExitStack
from typing import Annotated, ClassVar

import msgspec

from multifleet.channels.base import Carried, ChannelError, Here, Parcel, Success, Target
from multifleet.channels.ssh_connections import SshConnections
from multifleet.channels.ssh_login import logins
from multifleet.channels.ssh_running import NOT_FOUND, Ran, printed, run_there
from multifleet.channels.witness import Witness
from multifleet.config import join_address
from multifleet.core.frame import FRAME_LIMIT
from multifleet.core.ssh_packets import with_home
from multifleet.core.visible import visible

RECEIVE = ("receive", "--json", "--by", "ssh")
WAITING_LIMIT = 4
OUTPUT_LIMIT = (1 + WAITING_LIMIT) * FRAME_LIMIT * 3 // 2
PARKED = 202
SSH_PORT = 22
"""Where nothing else is configured."""


class _Said(msgspec.Struct):
    """What `receive` prints."""

    status: int
    frame: bytes
    waiting: Annotated[list[bytes], msgspec.Meta(max_length=WAITING_LIMIT)] = []
    elsewhere: str = ""
    """Why the frame cannot be for the node there, in words."""


class SshChannel:
    """P5."""

    name: ClassVar[str] = "ssh"

    def __init__(self, connections: SshConnections) -> None:
        self._connections = connections
        self._turns: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def start(self, stack: AsyncExitStack, here: Here) -> None:
        """Nothing is opened before it is wanted."""
        await self._connections.start(stack, here)

    def reaches(self, target: Target) -> str:
        """Whether a login is configured."""
        return self._connections.why_not(target)

    async def deliver(self, target: Target, parcel: Parcel) -> Carried:
        """Hand the frame to `receive` there, and take what it prints."""
        home = self._connections.home_of(target.node)
        stdin = with_home(home, parcel.frame) if home else parcel.frame
        async with self._turns[target.node]:
            ran = await run_there(self._connections, target, RECEIVE, stdin, OUTPUT_LIMIT)
        said = printed(ran, _Said)
        if said is None:
            raise ChannelError(f"{ran.where}: {_why(ran, target)}", unknown=ran.status not in (2, NOT_FOUND))
        brought = tuple(frame for frame in said.waiting if len(frame) <= FRAME_LIMIT)
        if said.elsewhere:
            hint = f"name its home in nodes.{target.node}.remote_command in config.json"
            raise ChannelError(f"{ran.where}: {visible(said.elsewhere[:200], one_line=True)}: {hint}")
        if said.status == PARKED:
            return Carried(Success.PARKED, where=f"drop/ of {target.node}", brought=brought)
        if not said.frame.startswith(b"mf1 "):
            raise ChannelError(f"{ran.where}: it does not know this node, or not by this key ({said.status})")
        return Carried(Success.ANSWERED, said.frame, ran.where, brought)

    async def mend(self, target: Target) -> str:
        """Log in anew."""
        return await mend(self._connections, target)

    def try_anew(self, target: Target) -> None:
        """The next attempt logs in, however lately another one failed."""
        self._connections.try_anew(target.node)

    def witness(self, target: Target) -> Witness:
        """Where its SSH servers are to be, and whether one showed a host key that it should not have."""
        if self.reaches(target):
            return Witness()
        servers = tuple(join_address(login.host, login.port or SSH_PORT) for login in logins(target))
        return Witness(host_key_refused=self._connections.peers.refused.get(target.node, ""), ssh=servers)


async def mend(connections: SshConnections, target: Target) -> str:
    """Close the connection to a peer and open another."""
    had = connections.forget(target.node)
    async with connections.to(target) as kept:
        return f"{'closed the SSH connection and opened another' if had else 'opened an SSH connection'}: {kept.login}"


def _why(ran: Ran, target: Target) -> str:
    if ran.status == NOT_FOUND:
        words = " ".join(target.configured.remote_command)
        return f"`{words}` is not found by a login there: set nodes.{target.node}.remote_command in config.json"
    lines = ran.errors.strip().splitlines()
    said = lines[-1] if lines else f"`receive` ended without a word (status {ran.status})"
    return visible(said[:200], one_line=True)
