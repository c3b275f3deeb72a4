"""HTTP straight to the peer's daemon."""

from collections.abc import Sequence
from contextlib import AsyncExitStack
from typing import ClassVar

from multifleet.channels.base import Target
from multifleet.channels.http import HttpChannel
from tests.channels.contract.scene import Peer, Recipient, Scene, impostor, nothing
from tests.channels.here import here
from tests.channels.web import Reader, Web, Writer, is_silent, reply, serving
from tests.ports import free_port


class Maker:
    """Peers are small servers on loopback."""

    name = "http"
    lacks: ClassVar[dict[str, str]] = {}

    def __init__(self, scene: Scene) -> None:
        self._scene = scene

    async def channel(self, stack: AsyncExitStack) -> HttpChannel:
        channel = HttpChannel()
        await channel.start(stack, here(self._scene.home))
        return channel

    async def working(self) -> Peer:
        return await self._served(Recipient())

    async def silent(self) -> Peer:
        web = await self._scene.stack.enter_async_context(serving(is_silent))
        return Peer(Target("mac2", (web.address,)), nothing)

    async def refusing(self) -> Peer:
        return Peer(Target("mac2", (f"127.0.0.1:{free_port()}",)), nothing)

    async def impostor(self) -> Peer:
        return await self._served(impostor())

    async def _served(self, recipient: Recipient) -> Peer:
        async def serve(web: Web, reader: Reader, writer: Writer) -> None:
            while True:
                writer.write(reply(recipient.answer(await web.body(reader))))

        async def got() -> Sequence[bytes]:
            return recipient.frames

        web = await self._scene.stack.enter_async_context(serving(serve))
        return Peer(Target("mac2", (web.address,)), got)
