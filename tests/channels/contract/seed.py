"""Files in the peer's drop folder, by SFTP."""

from collections.abc import Sequence
from contextlib import AsyncExitStack
from typing import ClassVar

from multifleet.channels.seed import SeedChannel
from tests.channels.contract.scene import Peer, Scene, nothing
from tests.channels.contract.ssh_servers import SshServers


class Maker:
    """mac2 looks into its drop folder; what lies there whole is what it gets."""

    name = "seed"
    lacks: ClassVar[dict[str, str]] = {}

    def __init__(self, scene: Scene) -> None:
        self._servers = SshServers(scene)

    async def channel(self, stack: AsyncExitStack) -> SeedChannel:
        channel = SeedChannel(self._servers.connections)
        await channel.start(stack, (await self._servers.here(stack)).here)
        return channel

    async def working(self) -> Peer:
        return Peer(self._servers.running(), self._lying)

    async def silent(self) -> Peer:
        return Peer(await self._servers.hanging(), nothing)

    async def refusing(self) -> Peer:
        return Peer(self._servers.missing(), self._lying)

    async def impostor(self) -> Peer:
        return Peer(self._servers.of_another(), self._lying)

    async def _lying(self) -> Sequence[bytes]:
        return [path.read_bytes() for path in sorted((self._servers.home / "drop").iterdir())]
