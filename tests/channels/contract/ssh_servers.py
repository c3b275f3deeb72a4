"""SSH servers in every condition, for both channels that log in."""

from contextlib import AsyncExitStack

from multifleet.channels.base import Target
from multifleet.channels.ssh_connections import SshConnections
from multifleet.config import NodeEntry
from multifleet.core.ssh_packets import SshTold
from tests.channels.contract.scene import Scene
from tests.channels.here_now import HereNow
from tests.channels.sshd import Sshd
from tests.channels.web import Reader, Web, Writer, serving
from tests.ports import free_port


class SshServers:
    """mac2's SSH server as mac1 finds it: real, hanging after its banner, not there, or somebody else's."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self.home = scene.folder / "theirs"
        (self.home / "drop").mkdir(parents=True, mode=0o700)
        self.connections = SshConnections()
        self._sshd = Sshd.make(scene.folder / "sshd")
        self._told = SshTold(host_keys=[self._sshd.host_key], home=str(self.home))

    async def here(self, stack: AsyncExitStack) -> HereNow:
        """mac1, which has been told of mac2's server by mac2 itself."""
        now = HereNow(self._scene.home)
        stack.push_async_callback(now.aclose)
        await self.connections.start(stack, now.here)
        self.connections.peers.told("mac2", self._told)
        return now

    def running(self, **more: object) -> Target:
        """The real one."""
        self._scene.stack.enter_context(self._sshd.running())
        return Target("mac2", configured=self._sshd.entry(**more))

    async def hanging(self) -> Target:
        """One that says who it is, and no more."""

        async def hang(web: Web, reader: Reader, writer: Writer) -> None:
            writer.write(b"SSH-2.0-OpenSSH_9.6\r\n")
            while await reader.read(65_536):
                pass

        web = await self._scene.stack.enter_async_context(serving(hang))
        return Target("mac2", configured=NodeEntry(host="127.0.0.1", user="nobody", ssh_port=web.port))

    def missing(self) -> Target:
        """None."""
        return Target("mac2", configured=NodeEntry(host="127.0.0.1", user="nobody", ssh_port=free_port()))

    def of_another(self, **more: object) -> Target:
        """One with a host key that mac2 does not call its own."""
        self._sshd.new_host_key()
        return self.running(**more)
