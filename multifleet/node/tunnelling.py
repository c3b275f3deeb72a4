"""Tunnels as a user asks for them."""

from collections.abc import Callable

from multifleet.channels.base import ChannelError
from multifleet.channels.tunnels import HERE, Tunnels
from multifleet.config import join_address
from multifleet.errors import PeerUnreachable
from multifleet.node.delivery.targets import Targets
from multifleet.node.members import Member
from multifleet.operations.tunnels import TunnelView


class Tunnelling:
    """One for the node."""

    def __init__(
        self,
        tunnels: Tunnels,
        targets: Targets,
        need: Callable[[str], Member],
        try_now: Callable[[str], None],
    ) -> None:
        """`need`: a member by its id, or UnknownNode; `try_now`: send what waits for a peer."""
        self._tunnels = tunnels
        self._targets = targets
        self._need = need
        self._try_now = try_now

    async def open(self, node: str, port: int) -> None:
        """Open a tunnel, or leave the one that is there; PeerUnreachable says why it cannot be."""
        member = self._need(node)
        try:
            await self._tunnels.open(self._targets.of(member), port)
        except ChannelError as error:
            raise PeerUnreachable(f"no tunnel to {node}: {error}") from None
        self._try_now(node)

    async def stop(self, node: str | None) -> list[str]:
        """Stop the tunnel to a node, or all; to whom there was one."""
        wanted = [tunnel.node for tunnel in self._tunnels.all()] if node is None else [self._need(node).node]
        return [name for name in wanted if await self._tunnels.stop(name)]

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
