"""A real server on a free port and a Unix socket, and callers that speak raw HTTP to it."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from multifleet.api.limits import Limits
from multifleet.api.peer_credentials import Proof, choose_proof
from multifleet.api.server import Server
from tests.api.recording import OPERATIONS, Counts, Node, Peer


@dataclass(frozen=True)
class Reply:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def code(self) -> str:
        code: str = self.json["error"]["code"]
        return code


class Caller:
    """One connection, spoken to in bytes."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    def send(self, data: bytes) -> None:
        self.writer.write(data)

    async def reply(self) -> Reply:
        lines = (await self.reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines[1:-2])}
        body = await self.reader.readexactly(int(headers["content-length"]))
        return Reply(int(lines[0].split()[1]), headers, body)

    async def rest(self) -> bytes:
        """What still comes until the server closes."""
        try:
            return await self.reader.read()
        except ConnectionResetError:
            return b""

    async def ask(self, method: str, path: str, body: bytes = b"", **headers: str | None) -> Reply:
        self.send(request(method, path, body, **headers))
        return await self.reply()

    def close(self) -> None:
        self.writer.close()


def request(method: str, path: str, body: bytes = b"", **headers: str | None) -> bytes:
    """A request as a well-behaved caller sends it; headers by name with _ for -, None leaves one out."""
    wanted: dict[str, str | None] = {"Host": "127.0.0.1"}
    if method != "GET":
        wanted |= {"Content-Type": "application/json", "Content-Length": str(len(body))}
    wanted |= {name.replace("_", "-"): value for name, value in headers.items()}
    lines = [f"{name}: {value}\r\n" for name, value in wanted.items() if value is not None]
    return f"{method} {path} HTTP/1.1\r\n{''.join(lines)}\r\n".encode("utf-8", "surrogateescape") + body


class Served:
    """A running server and what stands behind it."""

    def __init__(self, server: Server, node: Node, peer: Peer, counters: Counts, socket: Path) -> None:
        self.server = server
        self.node = node
        self.peer = peer
        self.counters = counters
        self.socket = socket
        self.callers: list[Caller] = []

    @property
    def port(self) -> int:
        return self.server.addresses[0][1]

    async def call(self) -> Caller:
        """Connect by TCP."""
        return self._keep(Caller(*await asyncio.open_connection("127.0.0.1", self.port)))

    async def call_unix(self) -> Caller:
        return self._keep(Caller(*await asyncio.open_unix_connection(self.socket)))

    async def ask(self, method: str, path: str, body: bytes = b"", **headers: str | None) -> Reply:
        """One request on a connection of its own."""
        return await (await self.call()).ask(method, path, body, **headers)

    def counted(self, name: str) -> int:
        return self.counters.counts[name]

    async def counted_at_least(self, name: str, times: int) -> None:
        """Return once something was counted so often."""
        while self.counted(name) < times:
            self.counters.changed.clear()
            await self.counters.changed.wait()

    def _keep(self, caller: Caller) -> Caller:
        self.callers.append(caller)
        return caller


@asynccontextmanager
async def serving(
    folder: Path,
    limits: Limits | None = None,
    choose: Callable[[Path, AsyncExitStack], Proof] = choose_proof,
    binds: Sequence[str] = ("127.0.0.1",),
    port: int = 0,
    relay_port: int = 0,
) -> AsyncIterator[Served]:
    node, peer, counters = Node(), Peer(), Counts()
    server = Server(
        operations=OPERATIONS,
        node=node,
        peer=peer,
        port=port,
        binds=binds,
        socket=folder / "home" / "socket",
        token=folder / "token",
        counters=counters,
        limits=limits,
        choose=choose,
        relay_port=relay_port,
    )
    served = Served(server, node, peer, counters, folder / "home" / "socket")
    async with AsyncExitStack() as stack:
        await server.start(stack)
        try:
            yield served
        finally:
            for caller in served.callers:
                caller.close()
