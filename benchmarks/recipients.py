"""The recipients of a broadcast in a process of their own, each with a store and an HTTP door; until stdin ends."""

import argparse
import asyncio
import sys
from contextlib import AsyncExitStack
from pathlib import Path

import uvloop

from benchmarks.commands import say
from benchmarks.product import Peers
from multifleet.api.server import Server
from multifleet.daemon import settle_memory
from multifleet.node.node import Node
from multifleet.operations import OPERATIONS
from tests.node.fleet import Machines


async def serve(folder: Path, sender: str, names: list[str]) -> None:
    """Take what the sender sends; says the port of each."""
    machines = Machines(folder)
    machines.add(sender, *names)
    async with AsyncExitStack() as stack:
        ports = {}
        for name in names:
            machine = machines.all[name]
            machine.pinned = [row for row in machine.pinned if row.node == sender]
            stack.push_async_callback(machine.crash)
            ports[name] = await _door(await machine.open(), machine.home, stack)
        settle_memory()
        say(ports)
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


async def _door(node: Node, home: Path, stack: AsyncExitStack) -> int:
    server = Server(
        operations=OPERATIONS,
        node=node,
        peer=Peers(node),
        port=0,
        binds=["127.0.0.1"],
        socket=home / "socket",
        token=home / "token",
        counters=node.counters,
    )
    await server.start(stack)
    return server.addresses[0][1]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("sender")
    parser.add_argument("names", nargs="+")
    chosen = parser.parse_args()
    uvloop.run(serve(chosen.folder, chosen.sender, chosen.names))


if __name__ == "__main__":
    main()
