"""Through a third machine."""

from collections.abc import Sequence
from contextlib import AsyncExitStack
from typing import ClassVar

from multifleet.channels.relay import RelayChannel
from multifleet.core.relay_packets import INNER_LIMIT
from tests.channels.contract.scene import Peer, Recipient, Scene, impostor
from tests.channels.relay_fleet import Fleet, FleetNode


class _Peer(FleetNode):
    """Whoever gets what the relay passes on."""

    recipient = Recipient()

    async def _receive(self, data: bytes, where: str, channel: str, at_rest: bool) -> tuple[int, bytes]:
        return await self.recipient.receive(data)


class Maker:
    """A chief that relays, and mac2 behind it."""

    name = "relay"
    largest = INNER_LIMIT
    lacks: ClassVar[dict[str, str]] = {}

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._fleet = Fleet(scene.folder)

    async def channel(self, stack: AsyncExitStack) -> RelayChannel:
        [mac1] = await self._fleet.started("mac1")
        stack.push_async_callback(mac1.down)
        return mac1.channel

    async def working(self) -> Peer:
        return await self._behind(Recipient())

    async def silent(self) -> Peer:
        self._fleet.silent.add(("mac1", "chief"))
        return await self._behind(Recipient())

    async def refusing(self) -> Peer:
        self._fleet.cut.add(("mac1", "chief"))
        return await self._behind(Recipient())

    async def impostor(self) -> Peer:
        return await self._behind(impostor())

    async def _behind(self, recipient: Recipient) -> Peer:
        fleet = self._fleet
        mac2 = fleet.nodes["mac2"] = _Peer(fleet, "mac2")
        mac2.recipient = recipient
        for node in await fleet.started("chief", "mac2"):
            self._scene.stack.push_async_callback(node.down)

        async def got() -> Sequence[bytes]:
            return recipient.frames

        return Peer(FleetNode(fleet, "mac1").target("mac2"), got)
