"""A real NATS cluster of three servers on loopback, as a user would have one."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from multifleet.channels.nats_process import NatsProcess, program
from tests.ports import free_port

LOGIN = "fleet:of my own"


@dataclass
class Cluster:
    """Its servers by name."""

    folder: Path
    ports: dict[str, int] = field(default_factory=dict)
    servers: dict[str, NatsProcess] = field(default_factory=dict)

    @property
    def urls(self) -> str:
        """As NATS_URL names them."""
        return ",".join(f"nats://fleet:of%20my%20own@127.0.0.1:{port}" for port in self.ports.values())

    async def start(self, name: str) -> None:
        """Start one of them, or start it anew."""
        found = program()
        assert found is not None
        self.servers[name] = await NatsProcess.start(found, self.folder / f"{name}.conf")

    def name_at(self, port: int) -> str:
        """Which of them listens there."""
        return next(name for name, found in self.ports.items() if found == port)


@asynccontextmanager
async def cluster(folder: Path) -> AsyncIterator[Cluster]:
    """Three servers that know each other."""
    names = ("a", "b", "c")
    ports = [free_port() for _ in range(6)]
    routes = [f"nats://127.0.0.1:{port}" for port in ports[3:]]
    made = Cluster(folder)
    try:
        for name, port, own in zip(names, ports, ports[3:], strict=False):
            made.ports[name] = port
            user, password = LOGIN.split(":")
            config = {
                "server_name": name,
                "host": "127.0.0.1",
                "port": port,
                "jetstream": {"store_dir": str(folder / name), "sync_interval": "always", "max_file_store": 1 << 30},
                "cluster": {"name": "own", "host": "127.0.0.1", "port": own, "routes": routes},
                "authorization": {"users": [{"user": user, "password": password}]},
            }
            (folder / f"{name}.conf").write_text(json.dumps(config))
        await asyncio.gather(*(made.start(name) for name in names))
        yield made
    finally:
        await asyncio.gather(*(server.stop() for server in made.servers.values()))


def leader_of(info: bytes) -> str:
    """Which server leads a stream, from what JetStream says of it."""
    found = re.search(rb'"leader":\s*"(\w+)"', info)
    assert found is not None, info
    return found[1].decode()
