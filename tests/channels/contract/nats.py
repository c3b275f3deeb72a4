"""NATS, by a server of the user's own; its server is real and the peer another client of it."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from typing import Any, ClassVar

from multifleet.channels.base import Target
from multifleet.channels.nats import NatsChannel
from multifleet.channels.nats_config import request_subject
from multifleet.channels.nats_servers import of_urls
from multifleet.channels.nats_wire import Wire
from multifleet.config import Config
from tests.channels.contract.scene import Peer, Recipient, Scene, impostor, nothing
from tests.channels.here import here
from tests.channels.nats_server import nats_server

FLEET = "f" * 32


class Maker:
    """Peers are clients of the same server."""

    name = "nats"
    lacks: ClassVar[dict[str, str]] = {}

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._known_url = ""

    async def channel(self, stack: AsyncExitStack) -> NatsChannel:
        tasks: list[asyncio.Task[None]] = []

        def spawn(name: str, run: Callable[[], Awaitable[None]]) -> None:
            tasks.append(asyncio.ensure_future(run()))  # type: ignore[arg-type]

        channel = NatsChannel(grace=0.0)
        config = Config(natsUrl=await self._url())
        await channel.start(stack, here(self._scene.home, config=config, spawn=spawn))
        stack.callback(lambda: [task.cancel() for task in tasks])
        async with asyncio.timeout(20):
            while channel._queue is None:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        return channel

    async def working(self) -> Peer:
        return await self._answering(Recipient())

    async def silent(self) -> Peer:
        async def take(message: Any) -> None:
            pass

        await self._listen(take)
        return Peer(Target("mac2"), nothing)

    async def refusing(self) -> Peer:
        await self._url()
        return Peer(Target("mac2", is_there=True), nothing)

    async def impostor(self) -> Peer:
        return await self._answering(impostor())

    async def _answering(self, recipient: Recipient) -> Peer:
        async def take(message: Any) -> None:
            await wire.say(message.reply, recipient.answer(message.data))

        async def got() -> Sequence[bytes]:
            return recipient.frames

        wire = await self._listen(take)
        return Peer(Target("mac2"), got)

    async def _listen(self, take: Callable[[Any], Awaitable[None]]) -> Wire:
        (server,) = of_urls(await self._url())
        wire = await Wire.open(server, "mac2")
        self._scene.stack.callback(wire.abort, "the test is over")
        await wire.hear(request_subject(FLEET, "mac2"), take)
        assert await wire.live()
        return wire

    async def _url(self) -> str:
        if not self._known_url:
            self._known_url = await self._scene.stack.enter_async_context(nats_server(self._scene.folder / "server"))
        return self._known_url
