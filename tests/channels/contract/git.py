"""Refs of a git remote that both look into."""

from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import ClassVar

from multifleet.channels.base import Target
from multifleet.channels.git import GitChannel
from tests.channels.contract.scene import Peer, Scene, nothing
from tests.channels.git_world import Repository, node
from tests.channels.web import Reader, Web, Writer, serving
from tests.ports import free_port


class Maker:
    """A bare repository on this machine, or what is in its place."""

    name = "git"
    lacks: ClassVar[dict[str, str]] = {
        "impostor": "a remote is nobody's place: whoever has it sees sealed letters, and answers nothing"
    }

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        scene.remembers.add("git/lying.json")
        self._remote = str(scene.folder / "none.git")

    async def channel(self, stack: AsyncExitStack) -> GitChannel:
        return (await stack.enter_async_context(node("mac1", self._scene.home, self._remote))).channel

    async def working(self) -> Peer:
        path = Path(self._scene.folder, "remote.git")
        self._remote = str(Repository(path).path)

        async def got() -> Sequence[bytes]:
            async with node("mac2", self._scene.folder / "mac2", self._remote) as mac2:
                await mac2.look()
                return mac2.frames

        return Peer(Target("mac2"), got)

    async def silent(self) -> Peer:
        async def never(web: Web, reader: Reader, writer: Writer) -> None:
            while await reader.read(65_536):
                pass

        web = await self._scene.stack.enter_async_context(serving(never))
        self._remote = f"https://{web.address}/fleet.git"
        return Peer(Target("mac2"), nothing)

    async def refusing(self) -> Peer:
        self._remote = f"https://127.0.0.1:{free_port()}/fleet.git"
        return Peer(Target("mac2"), nothing)
