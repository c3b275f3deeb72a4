"""A line in the prompt of an agent there, over SSH."""

from contextlib import AsyncExitStack
from typing import ClassVar

from multifleet.channels.text import TextChannel
from tests.channels.contract.scene import Peer, Scene, nothing
from tests.channels.contract.ssh_servers import SshServers


class Maker:
    """mac2's SSH server; what is typed where one works is tested beside."""

    name = "text"
    lacks: ClassVar[dict[str, str]] = {
        "working": "one line in thirty seconds, never over another one: tests/channels/test_text.py"
    }

    def __init__(self, scene: Scene) -> None:
        scene.remembers.add("told")
        self._servers = SshServers(scene)

    async def channel(self, stack: AsyncExitStack) -> TextChannel:
        channel = TextChannel(self._servers.connections)
        await channel.start(stack, (await self._servers.here(stack)).here)
        return channel

    async def working(self) -> Peer:
        raise NotImplementedError(self.lacks["working"])

    async def silent(self) -> Peer:
        return Peer(await self._servers.hanging(), nothing)

    async def refusing(self) -> Peer:
        return Peer(self._servers.missing(), nothing)

    async def impostor(self) -> Peer:
        return Peer(self._servers.of_another(), nothing)
