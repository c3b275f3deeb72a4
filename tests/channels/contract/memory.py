"""The channel inside one process."""

from collections.abc import Sequence
from contextlib import AsyncExitStack
from typing import ClassVar

from multifleet.channels.base import Target
from multifleet.channels.memory import MemoryChannel, Network
from tests.channels.contract.scene import Peer, Recipient, Scene, impostor, nothing
from tests.channels.here import here


class Maker:
    """Everybody is in one Network."""

    name = "memory"
    lacks: ClassVar[dict[str, str]] = {}

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._network = Network()

    async def channel(self, stack: AsyncExitStack) -> MemoryChannel:
        channel = MemoryChannel(self._network)
        await channel.start(stack, here(self._scene.home))
        return channel

    async def working(self) -> Peer:
        return self._peer(Recipient())

    async def silent(self) -> Peer:
        self._network.silent.add("mac2")
        return self._peer(Recipient())

    async def refusing(self) -> Peer:
        return Peer(Target("mac2"), nothing)

    async def impostor(self) -> Peer:
        return self._peer(impostor())

    def _peer(self, recipient: Recipient) -> Peer:
        async def receive(frame: bytes) -> bytes:
            return recipient.answer(frame)

        async def got() -> Sequence[bytes]:
            return recipient.frames

        self._network.nodes["mac2"] = receive
        return Peer(Target("mac2"), got)
