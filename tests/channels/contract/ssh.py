"""`multifleet receive` over SSH."""

import asyncio
import sys
from base64 import b64encode
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from typing import ClassVar

import msgspec

from multifleet.channels.ssh import SshChannel
from tests.channels.contract.scene import Peer, Recipient, Scene, impostor, nothing
from tests.channels.contract.ssh_servers import SshServers

RECEIVE = """
import socket, sys
with socket.socket(socket.AF_UNIX) as link:
    link.connect(sys.argv[1])
    link.sendall(sys.stdin.buffer.read())
    link.shutdown(socket.SHUT_WR)
    with link.makefile("rb") as said:
        sys.stdout.buffer.write(said.read())
"""
"""What mac2 runs: hands its input to the node, and prints what that says."""


class Maker:
    """mac2's `receive` is a program that asks the test."""

    name = "ssh"
    lacks: ClassVar[dict[str, str]] = {}

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._servers = SshServers(scene)

    async def channel(self, stack: AsyncExitStack) -> SshChannel:
        channel = SshChannel(self._servers.connections)
        await channel.start(stack, (await self._servers.here(stack)).here)
        return channel

    async def working(self) -> Peer:
        recipient = Recipient()
        return Peer(self._servers.running(remote_command=await self._command(recipient)), _frames_of(recipient))

    async def silent(self) -> Peer:
        return Peer(await self._servers.hanging(), nothing)

    async def refusing(self) -> Peer:
        return Peer(self._servers.missing(), nothing)

    async def impostor(self) -> Peer:
        recipient = impostor()
        return Peer(self._servers.of_another(remote_command=await self._command(recipient)), _frames_of(recipient))

    async def _command(self, recipient: Recipient) -> tuple[str, ...]:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            home, _, frame = (await reader.read(-1)).partition(b"\n")
            assert home == b"home " + str(self._servers.home).encode()
            answer = recipient.answer(frame)
            writer.write(msgspec.json.encode({"status": 200, "frame": b64encode(answer).decode(), "waiting": []}))
            writer.close()

        place = str(self._scene.folder / "receive.sock")
        server = await asyncio.start_unix_server(serve, place)
        self._scene.stack.callback(server.close)
        return (sys.executable, "-ISc", RECEIVE, place)


def _frames_of(recipient: Recipient) -> Callable[[], Awaitable[Sequence[bytes]]]:
    async def got() -> Sequence[bytes]:
        return recipient.frames

    return got
