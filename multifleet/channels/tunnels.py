"""Tunnels: a port of this machine that leads over SSH to the daemon of a peer, for networks that let nothing else in.

The far end is an address of the peer that is not its loopback: who comes from there is a stranger to its daemon, as
everybody in its network is. Over its loopback he would be taken for the user who runs it.
"""

import asyncio
import errno
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from multifleet.channels.base import ChannelError, Here, Target
from multifleet.channels.ssh_connections import SshConnections
from multifleet.channels.ssh_login import numeric_addresses
from multifleet.config import join_address, split_address

if TYPE_CHECKING:
    from asyncssh import SSHClientConnection

HERE = "127.0.0.1"
REST, LONGEST_REST = 1.0, 60.0
"""Seconds before a tunnel that broke is opened anew; doubled each time it cannot be. A peer that comes back, or a user
who asks for it, ends them."""
SOON, LASTED = 5, 10.0
"""So many times in a row one that broke is opened anew after the first rest though it was open for less than so many
seconds: then its rests are doubled too."""
LOOK = 2.0
"""Seconds between two looks whether the peer is back."""
STOPPED = "it was stopped before it was open"


@dataclass(eq=False)
class Tunnel:
    """One tunnel, from when it is asked for until it is stopped."""

    node: str
    port: int
    """On this machine; 0 until it is open for the first time."""
    there: str
    """The address of the peer's daemon, as it is reached from the peer itself; empty until that is known."""
    since: float
    is_chosen: bool = False
    """Whether the user has said which port; else it takes another one where that is in use."""
    lasts: bool = False
    """Whether it is to be there though it was never open in this run: it was when the daemon stopped."""
    login: str = ""
    is_open: bool = False
    reason: str = ""
    """Why it is not open now; or why it is open on another port than before."""
    tried: asyncio.Event = field(default_factory=asyncio.Event)
    wanted: asyncio.Event = field(default_factory=asyncio.Event)
    """Set to end a rest."""
    stopped: asyncio.Event = field(default_factory=asyncio.Event)


class Tunnels:
    """One for the node."""

    def __init__(self, connections: SshConnections) -> None:
        self._connections = connections
        self._tunnels: dict[str, Tunnel] = {}
        self._here: Here

    async def start(self, stack: AsyncExitStack, here: Here) -> None:
        """Nothing is opened before it is asked for."""
        self._here = here
        await self._connections.start(stack, here)

    def all(self) -> list[Tunnel]:
        """Every tunnel, whether it is open at this moment or not."""
        return list(self._tunnels.values())

    def address_to(self, node: str) -> tuple[str, ...]:
        """Where frames for a peer can be posted because of its tunnel."""
        tunnel = self._tunnels.get(node)
        return (join_address(HERE, tunnel.port),) if tunnel is not None and tunnel.is_open else ()

    async def open(self, target: Target, port: int) -> Tunnel:
        """Open one, or tell of the one that is there, which is tried now where it rests; ChannelError where a new one
        cannot be opened. Port 0: the configured one, or any."""
        tunnel = self._tunnels.get(target.node)
        if tunnel is not None and port in (0, tunnel.port) and not tunnel.stopped.is_set():
            if not tunnel.is_open:
                tunnel.tried.clear()
                tunnel.wanted.set()
                await tunnel.tried.wait()
            if tunnel.stopped.is_set():
                raise ChannelError(tunnel.reason or STOPPED)
            return tunnel
        if why_not := self._connections.why_not(target):
            raise ChannelError(why_not)
        there = _daemon_of(target)
        self.end(target.node)
        wanted = port or target.configured.tunnel_port or 0
        tunnel = self._begin(Tunnel(target.node, wanted, there, self._here.now(), is_chosen=wanted != 0))
        await tunnel.tried.wait()
        if not tunnel.is_open:
            if self._tunnels.get(target.node) is tunnel:
                self.end(target.node)
            raise ChannelError(tunnel.reason or STOPPED)
        tunnel.lasts = True
        return tunnel

    def open_again(self, node: str, port: int, *, is_chosen: bool, since: float) -> None:
        """One that was open when the daemon stopped: it is tried until it is open, or stopped. `since`: wall
        clock, seconds."""
        self._begin(Tunnel(node, port, "", since, is_chosen=is_chosen, lasts=True))

    def _begin(self, tunnel: Tunnel) -> Tunnel:
        self._tunnels[tunnel.node] = tunnel
        self._here.spawn(f"tunnel to {tunnel.node}", lambda: self._keep(tunnel))
        return tunnel

    def end(self, node: str) -> Tunnel | None:
        """Have one end; None where there is none."""
        tunnel = self._tunnels.pop(node, None)
        if tunnel is not None:
            tunnel.stopped.set()
            tunnel.wanted.set()
            tunnel.tried.set()
            tunnel.is_open = False
        return tunnel

    async def _keep(self, tunnel: Tunnel) -> None:
        """Keep it open until it is stopped."""
        rest, soon = REST, SOON
        while not tunnel.stopped.is_set():
            tunnel.wanted.clear()
            began = self._here.monotonic()
            try:
                await self._hold(tunnel)
            except (ChannelError, OSError) as error:
                tunnel.reason = str(error) or "no answer in time"
                if tunnel.is_open and self._here.monotonic() - began >= LASTED:
                    soon = SOON
                if tunnel.is_open and soon:
                    rest, soon = REST, soon - 1
                else:
                    rest = min(LONGEST_REST, 2 * rest)
                if tunnel.login:
                    self._here.count("tunnel_broken", peer=tunnel.node, reason=tunnel.reason)
            finally:
                tunnel.is_open = False
                tunnel.tried.set()
            if not tunnel.login and not tunnel.lasts:
                tunnel.stopped.set()
                return  # it never was open: who asked for it is told why
            await self._rest(tunnel, rest)

    async def _rest(self, tunnel: Tunnel, seconds: float) -> None:
        until, was_there = self._here.monotonic() + seconds, True
        while not (tunnel.wanted.is_set() or tunnel.stopped.is_set()) and (left := until - self._here.monotonic()) > 0:
            target = self._here.target(tunnel.node)
            is_there = target is not None and target.is_there
            if is_there and not was_there:
                return  # it was away when it was tried last
            was_there = is_there
            try:
                async with asyncio.timeout(min(LOOK, left)):
                    await tunnel.wanted.wait()
            except TimeoutError:
                pass  # time to look, or to try again

    async def _hold(self, tunnel: Tunnel) -> None:
        """Open it and wait until it breaks or is stopped."""
        target = self._here.target(tunnel.node)
        if target is None:
            tunnel.stopped.set()
            raise ChannelError(f"{tunnel.node} is no member")
        tunnel.there = _daemon_of(target)
        connection, login = await self._connections.open_own(target)
        try:
            tunnel.port, tunnel.reason = await _listen(connection, tunnel)
            tunnel.login, tunnel.is_open = str(login), True
            tunnel.tried.set()
            await _ended(connection, tunnel.stopped)
        finally:
            connection.abort()
            await connection.wait_closed()
        if not tunnel.stopped.is_set():
            raise ChannelError("the SSH connection ended")


async def _listen(connection: "SSHClientConnection", tunnel: Tunnel) -> tuple[int, str]:
    """The port on which it is open now, and why that is another one than before."""
    host, port = split_address(tunnel.there)
    try:
        listener = await connection.forward_local_port(HERE, tunnel.port, host, port)
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise
        taken = f"port {tunnel.port} of this machine is in use"
        if tunnel.is_chosen:
            raise ChannelError(f"{taken}: end what has it, or choose another one with --local-port") from None
        listener = await connection.forward_local_port(HERE, 0, host, port)
        return listener.get_port(), f"{taken}: it has another one"
    return listener.get_port(), ""


async def _ended(connection: "SSHClientConnection", stopped: asyncio.Event) -> None:
    waits = [asyncio.create_task(connection.wait_closed()), asyncio.create_task(stopped.wait())]
    try:
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()


def _daemon_of(target: Target) -> str:
    """The daemon of a peer as an SSH server on its machine reaches it, and never over the loopback there."""
    found = numeric_addresses(target.addresses)
    if found:
        return found[0]
    named = numeric_addresses(target.configured.addresses)
    if named:
        return named[0]
    raise ChannelError(f"no numeric address of {target.node} is known: set nodes.{target.node}.lan_ip in config.json")
