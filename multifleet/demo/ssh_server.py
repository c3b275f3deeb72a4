"""An SSH server of the demo's own, on a free port of loopback: one key gets in; what it asks for runs as on a node."""

import asyncio
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from multifleet.demo.fleet_node import FleetNode

if TYPE_CHECKING:
    import asyncssh

USER = "demo"


class SshServer:
    """In front of one node. Its keys are made for this run, and go with its folder."""

    def __init__(self, node: FleetNode, folder: Path, host: str) -> None:
        self.port = 0
        self.host = host
        self.key = folder / "user_key"
        self.host_key = folder / "host_key"
        self._node = node
        self._folder = folder
        self._listener: asyncssh.SSHAcceptor | None = None
        self._connections: set[asyncssh.SSHServerConnection] = set()

    async def start(self, stack: AsyncExitStack) -> None:
        """Make its keys, and listen."""
        import asyncssh

        self._folder.mkdir(mode=0o700)
        for path in (self.key, self.host_key):
            key = asyncssh.generate_private_key("ssh-ed25519")
            path.touch(mode=0o600)
            key.write_private_key(str(path))
            key.write_public_key(f"{path}.pub")
        stack.push_async_callback(self.cut)
        await self.mend()

    def login(self) -> dict[str, Any]:
        """How a node's configuration names it."""
        return {"host": self.host, "user": USER, "ssh_port": self.port, "ssh_key": str(self.key)}

    async def cut(self) -> None:
        """It is gone, with all that were logged in."""
        listener, self._listener = self._listener, None
        if listener is not None:
            listener.close()
            for connection in list(self._connections):
                connection.abort()
            await listener.wait_closed()

    async def mend(self) -> None:
        """It listens, where it did before."""
        import asyncssh

        server = self

        class Server(asyncssh.SSHServer):
            def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
                self._connection = conn
                server._connections.add(conn)

            def connection_lost(self, exc: Exception | None) -> None:
                server._connections.discard(self._connection)

        self._listener = await asyncssh.create_server(
            Server,
            self.host,
            self.port,
            server_host_keys=[str(self.host_key)],
            authorized_client_keys=f"{self.key}.pub",
            process_factory=self._run,
            sftp_factory=True,
            encoding=None,
        )
        self.port = self._listener.get_port()

    async def _run(self, process: "asyncssh.SSHServerProcess[bytes]") -> None:
        child = await asyncio.create_subprocess_exec(
            *("/bin/sh", "-c", process.command or "true"),  # as every SSH server does it
            env=self._node.environment(),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
        try:
            output, errors = await child.communicate(await process.stdin.read())
            assert child.stdin is not None
            with suppress(BrokenPipeError, ConnectionResetError):  # it may have ended without reading
                await child.stdin.wait_closed()
            process.stdout.write(output)
            process.stderr.write(errors)
            process.exit(child.returncode or 0)
        finally:
            if child.returncode is None:
                with suppress(ProcessLookupError):
                    child.kill()
                await child.wait()
