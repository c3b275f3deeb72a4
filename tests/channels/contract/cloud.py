"""A routine's server for sessions in the cloud."""

import json
import ssl
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from itertools import count
from typing import ClassVar

import pytest

from multifleet.channels.base import Target
from multifleet.channels.cloud import CloudChannel
from multifleet.channels.cloud_token import ENVIRONMENT
from multifleet.config import CloudSettings, Config
from tests.channels.certificate import make_certificate
from tests.channels.contract.scene import Peer, Scene, nothing
from tests.channels.here import here
from tests.channels.web import Reader, Web, Writer, is_silent, reply, serving
from tests.ports import free_port

FIRED = {"type": "routine_fire", "claude_code_session_id": "s1", "claude_code_session_url": "https://claude.ai/code/s1"}
Serve = Callable[[Web, Reader, Writer], Awaitable[None]]


class Maker:
    """A local HTTPS server in the routine's place; what comes to it are texts."""

    name = "cloud"
    lacks: ClassVar[dict[str, str]] = {}

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        scene.remembers.add("told")
        self._certificate = make_certificate(scene.folder / "server.pem")
        self._patch = scene.stack.enter_context(pytest.MonkeyPatch.context())
        self._patch.setenv(ENVIRONMENT, "not-a-real-token")
        self._patch.setenv("SSL_CERT_FILE", str(self._certificate))
        self._address = f"127.0.0.1:{free_port()}"
        self._hours = count(step=3_600.0)

    async def channel(self, stack: AsyncExitStack) -> CloudChannel:
        channel = CloudChannel()
        routine = CloudSettings(routine=f"https://{self._address}/v1/routines/trig_1/fire", lastResort=True)
        # Each look at the clock is an hour later: how often sessions may be made is not what is asked here.
        node = here(self._scene.home, config=Config(cloud=routine), monotonic=self._hours.__next__)
        await channel.start(stack, node)
        return channel

    async def working(self) -> Peer:
        return await self._served(_fires)

    async def silent(self) -> Peer:
        return await self._served(is_silent)

    async def refusing(self) -> Peer:
        return Peer(Target("mac2"), nothing)

    async def impostor(self) -> Peer:
        peer = await self._served(_fires)
        self._patch.setenv("SSL_CERT_FILE", str(make_certificate(self._scene.folder / "another.pem")))
        return peer

    async def _served(self, serve: Serve) -> Peer:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(self._certificate)
        web = await self._scene.stack.enter_async_context(serving(serve, ssl=context))
        self._address = web.address

        async def got() -> Sequence[bytes]:
            return [json.loads(request)["text"].encode() for request in web.requests]

        return Peer(Target("mac2"), got)


async def _fires(web: Web, reader: Reader, writer: Writer) -> None:
    await web.body(reader)
    writer.write(reply(json.dumps(FIRED).encode()))
    await writer.drain()
