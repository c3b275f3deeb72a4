"""Tunnels as a user asks for them: there until he stops them, also after a restart of the daemon, and gone with the
peer. Which there are is kept in the store.
"""

from collections.abc import Callable

import msgspec

from multifleet.channels.base import ChannelError
from multifleet.channels.tunnels import HERE, Tunnels
from multifleet.config import join_address
from multifleet.errors import PeerUnreachable
from multifleet.node.delivery.targets import Targets
from multifleet.node.members import Members
from multifleet.operations.tunnels import TunnelView
from multifleet.store.meta import Meta

TUNNELS = "tunnels"
"""The key of the list in the store."""


class _Noted(msgspec.Struct, frozen=True, array_like=True):
    """What is kept of a tunnel."""

    node: str
    key: str
    """Of the peer: another machine that gets its name later gets no tunnel."""
    port: int
    is_chosen: bool
    since: float


_ALL = msgspec.json.Decoder(list[_Noted])


class Tunnelling:
    """One for the node."""

    def __init__(
        self,
        tunnels: Tunnels,
        targets: Targets,
        members: Members,
        try_now: Callable[[str], None],
        meta: Meta,
    ) -> None:
        """`try_now`: send what waits for a peer."""
        self._tunnels = tunnels
        self._targets = targets
        self._members = members
        self._try_now = try_now
        self._meta = meta

    async def load(self) -> None:
        """Those that were there when the daemon stopped are opened anew, as soon as that can be."""
        for noted in _read(await self._meta.get(TUNNELS)):
            member = self._members.get(noted.node)
            if member is not None and member.row.ed25519.hex() == noted.key:
                self._tunnels.open_again(noted.node, noted.port, is_chosen=noted.is_chosen, since=noted.since)

    async def open(self, node: str, port: int) -> None:
        """Open a tunnel, or leave the one that is there; PeerUnreachable says why it cannot be."""
        member = self._members.need(node)
        try:
            await self._tunnels.open(self._targets.of(member), port)
        except ChannelError as error:
            raise PeerUnreachable(f"no tunnel to {node}: {error}") from None
        self._try_now(node)
        await self._meta.set(TUNNELS, self._noted())

    async def stop(self, node: str | None) -> list[str]:
        """Stop the tunnel to a node, or all; to whom there was one."""
        wanted = [tunnel.node for tunnel in self._tunnels.all()] if node is None else [self._members.need(node).node]
        stopped = [name for name in wanted if self._tunnels.end(name)]
        if stopped:
            await self._meta.set(TUNNELS, self._noted())
        return stopped

    def members_changed(self) -> None:
        """Whoever is a member no more has no tunnel, either."""
        gone = [tunnel.node for tunnel in self._tunnels.all() if self._members.get(tunnel.node) is None]
        for node in gone:
            self._tunnels.end(node)
        if gone:
            self._meta.set_later(TUNNELS, self._noted())

    def _noted(self) -> str | None:
        """For the store: all that are to be there again."""
        noted = [
            _Noted(tunnel.node, member.row.ed25519.hex(), tunnel.port, tunnel.is_chosen, tunnel.since)
            for tunnel in self._tunnels.all()
            if tunnel.lasts and (member := self._members.get(tunnel.node)) is not None
        ]
        return msgspec.json.encode(noted).decode() if noted else None

    def views(self) -> list[TunnelView]:
        """All of them, by node."""
        return [
            TunnelView(
                node=tunnel.node,
                address=join_address(HERE, tunnel.port),
                there=tunnel.there,
                login=tunnel.login,
                open=tunnel.is_open,
                reason=tunnel.reason or None,
                since=tunnel.since,
            )
            for tunnel in sorted(self._tunnels.all(), key=lambda tunnel: tunnel.node)
        ]


def _read(kept: str | None) -> list[_Noted]:
    """What the store has; nothing where that is of another form."""
    try:
        return _ALL.decode(kept) if kept else []
    except msgspec.MsgspecError:
        return []
