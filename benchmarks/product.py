"""The product in the benchmarks: homes made and joined by the real command line, the recipient a real daemon.

The sender is the daemon's own node behind its own HTTP side, in a process that also holds the callers.
"""

import argparse
import asyncio
import signal
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec
import uvloop

from benchmarks.commands import say, serve_commands
from benchmarks.nodes import Daemon, free_port, join, make_node
from multifleet.api.server import Server
from multifleet.config import ChannelSettings
from multifleet.core.receipts import State
from multifleet.daemon import settle_memory
from multifleet.node.node import Node
from multifleet.node.setup import open_setup
from multifleet.operations import OPERATIONS
from multifleet.paths import socket_path

SENDER, RECIPIENT = "mac1", "mac2"
OTHERS = ("cloud", "nats", "relay", "seed", "ssh", "wake", "git", "text")


class Sender:
    """Callers inside the sending process."""

    def __init__(self, node: Node) -> None:
        self._messages = node.messages
        self._outbox = node.store.outbox
        self._accepted: list[str] = []

    async def send(self, body: str) -> None:
        accepted = await self._messages.send(RECIPIENT, body)
        assert await self._messages.until(accepted.id, State.STORED) == State.STORED

    async def accept(self, body: str) -> None:
        self._accepted.append((await self._messages.send(RECIPIENT, body)).id)

    async def drained(self) -> None:
        for message in self._accepted:
            assert await self._messages.until(message, State.STORED) == State.STORED
        self._accepted.clear()
        while await self._outbox.counts():  # noqa: ASYNC110  nobody tells of an empty outbox
            await asyncio.sleep(0.02)


@dataclass(frozen=True, slots=True)
class Peers:
    """What the recipient may reach of the sender."""

    node: Node

    async def frames(self, body: bytes, remote: str) -> tuple[int, bytes]:
        return await self.node.frames(body, remote)

    async def join(self, body: bytes, remote: str) -> tuple[int, bytes]:
        return await self.node.join_request(body, remote)


async def run_sender(place: Path, port: int, http_alone: bool) -> None:
    home = place / SENDER
    make_node(home, SENDER)
    joined = place / "joined"
    if not joined.exists():
        join(home, place / RECIPIENT, port)
        joined.touch()
    setup = open_setup(home)
    channels = ChannelSettings(off=OTHERS) if http_alone else setup.config.channels
    config = msgspec.structs.replace(setup.config, port=free_port(), bind=("127.0.0.1",), channels=channels)
    setup = replace(setup, config=config)
    async with AsyncExitStack() as stack:
        node = await Node.open(setup)
        stack.push_async_callback(node.aclose)
        server = Server(
            operations=OPERATIONS,
            node=node,
            peer=Peers(node),
            port=config.port,
            binds=node.binds,
            socket=socket_path(home),
            token=home / "token",
            counters=node.counters,
        )
        await server.start(stack)
        await node.start(stack, server.addresses)
        settle_memory()
        running = asyncio.create_task(node.run())
        await serve_commands(Sender(node), socket_path(home))
        node.stopping.set()
        await running


async def run_recipient(place: Path, port: int) -> None:
    home = place / RECIPIENT
    make_node(home, RECIPIENT)
    stopped = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    with Daemon(home, port) as daemon:
        say({"port": daemon.port})
        await stopped.wait()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("role", choices=["sender", "recipient"])
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--http-alone", action="store_true", help="the sender uses no other channel")
    chosen = parser.parse_args()
    if chosen.role == "sender":
        uvloop.run(run_sender(chosen.home, chosen.port, chosen.http_alone))
    else:
        uvloop.run(run_recipient(chosen.home, chosen.port))


if __name__ == "__main__":
    main()
