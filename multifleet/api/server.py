"""The daemon's HTTP door: operations for this machine's user, frames from peers, health for everybody.

It opens the sockets, hands each connection to a `Connection`, and closes in good order. It decides nothing.
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from multifleet.api.connection import Connection
from multifleet.api.crowd import Crowd
from multifleet.api.door import Door
from multifleet.api.limits import Limits, raise_file_limit
from multifleet.api.listener import Listener
from multifleet.api.listening import BACKLOG, Bound, bind_tcp, bind_unix, stop_listening, unlinker
from multifleet.api.mcp import mcp_routes
from multifleet.api.operations import operation_routes
from multifleet.api.peer_credentials import Proof, choose_proof
from multifleet.api.peers import FRAMES, PeerHandlers, health_route, peer_routes
from multifleet.api.reports import Counters, Reports
from multifleet.api.routes import Routes
from multifleet.errors import MultifleetError
from multifleet.operations.operation import Operation

HEALTH = "/health"


class Server:
    """Listens on TCP and on the Unix socket from `start` until the exit stack closes."""

    def __init__(
        self,
        *,
        operations: Iterable[Operation],
        node: Any,
        peer: PeerHandlers,
        port: int,
        binds: Sequence[str],
        socket: Path,
        token: Path,
        counters: Counters,
        limits: Limits | None = None,
        choose: Callable[[Path, AsyncExitStack], Proof] = choose_proof,
        relay_port: int = 0,
    ) -> None:
        """`relay_port`: takes frames there too, and nothing else; 0: nowhere."""
        operations = tuple(operations)
        of_user = operation_routes(operations, node)
        of_user += mcp_routes(operations, node)
        health = next((route for route in of_user if route.path == HEALTH), None)
        self._routes = Routes([*(r for r in of_user if r is not health), *peer_routes(peer), health_route(health)])
        self._frames = Routes(route for route in peer_routes(peer) if route.path == FRAMES)
        self._port = port
        self._wanted_relay_port = relay_port
        self._binds = binds
        self._socket = socket
        self._token = token
        self._counters = counters
        self._limits = limits or Limits()
        self._choose = choose
        self.addresses: list[tuple[str, int]] = []
        """(host, port) on which it really listens."""
        self._listeners: list[Listener] = []
        self.relay_port = 0
        """Where it takes frames besides; 0: nowhere, for it was not wanted or the port is taken."""

    async def start(self, stack: AsyncExitStack) -> None:
        """Listen. PortInUse and ConfigError say what to do; the stack undoes everything in order."""
        loop = asyncio.get_running_loop()
        files = raise_file_limit()
        limits = self._limits
        room = min(limits.connections, files // 2)
        strangers = room - min(limits.reserve, room // 4)
        door = Door(
            self._routes,
            limits,
            Crowd(room, strangers, limits.per_address, limits.body_bytes),
            self._choose(self._token, stack),
            Reports(self._counters),
        )
        bound = await bind_tcp(self._binds, self._port)
        for opened, _ in bound:
            stack.callback(opened.close)
        for_relay = await self._bind_relay_port(bound[0][1][1])
        for opened, _ in for_relay:
            stack.callback(opened.close)
        unix = bind_unix(self._socket)
        stack.callback(unix.close)
        stack.callback(unlinker(self._socket))
        side_door = replace(door, routes=self._frames)
        stack.push_async_callback(_end, door, side_door)
        for one in bound:
            over_tcp = partial(Connection, door, loop, unix=False)
            self._listeners.append(await Listener.open(one, over_tcp, tells_health=True))
            self.addresses.append(one[1])
        for one in for_relay:
            over_relay_port = partial(Connection, side_door, loop, unix=False)
            self._listeners.append(await Listener.open(one, over_relay_port, tells_health=False))
            self.relay_port = one[1][1]
        for listener in self._listeners:
            stack.push_async_callback(listener.close)
        over_unix = partial(Connection, door, loop, unix=True)
        unix_listener = await loop.create_unix_server(over_unix, sock=unix, backlog=BACKLOG)
        stack.push_async_callback(stop_listening, unix_listener)
        stack.callback(_begin_end, door, side_door)

    async def relisten(self) -> str:
        """Bind again where nothing answers any more; what was found and done, in words."""
        return "; ".join([await listener.renew() for listener in self._listeners])

    async def _bind_relay_port(self, usual: int) -> list[Bound]:
        """Without it frames come to the usual port alone: that is no reason not to start."""
        if self._wanted_relay_port in (0, usual):
            return []
        try:
            return await bind_tcp(self._binds, self._wanted_relay_port)
        except MultifleetError as error:
            self._counters.failed("relay_port_not_open", port=self._wanted_relay_port, reason=error)
            return []


def _begin_end(door: Door, side_door: Door) -> None:
    """From now on each answer is the last one, and nobody else is let in."""
    door.closing = side_door.closing = True


async def _end(door: Door, side_door: Door) -> None:
    """Answer what is being answered, then close all connections; a second later whatever is left is cut."""
    for member in door.crowd.members():
        assert isinstance(member, Connection)
        member.retire()
    if door.tasks:
        await asyncio.wait(door.tasks, timeout=door.limits.grace_seconds)
    for task in list(door.tasks):
        task.cancel()
    await door.crowd.wait_empty(door.limits.goodbye_seconds)
    for member in door.crowd.members():
        assert isinstance(member, Connection)
        member.send_away()
    await door.crowd.wait_empty(door.limits.goodbye_seconds)
