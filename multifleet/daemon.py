"""The daemon: one process that holds a home, serves its node until it is told to stop, and leaves nothing behind."""

import asyncio
import contextlib
import gc
import logging
import os
import resource
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec

from multifleet import running
from multifleet.api.server import Server
from multifleet.config import DEFAULT_PORT, relay_port
from multifleet.errors import MultifleetError
from multifleet.node.addresses import ANY, is_loopback
from multifleet.node.log_file import open_log
from multifleet.node.node import Node
from multifleet.node.setup import Setup, make_home, open_setup
from multifleet.operations import OPERATIONS
from multifleet.paths import home_path, socket_path
from multifleet.store.lock import HomeLock

COLLECT_AFTER = 50_000
"""New objects between two runs of the garbage collector; messages make no cycles that could pile up."""

COMMANDS_SECONDS = 20.0
"""For which the daemon waits for short commands that write to its home: frames come by SSH while none runs."""

THREADS = 4
"""Beside the loop, for what would block it."""


def run(home: Path, port: int | None, binds: Sequence[str]) -> int:
    """Serve the node of a home; the exit status. Errors are one line on stderr."""
    os.umask(0o077)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # keys and bodies would lie in one
    try:
        make_home(home)
        setup = _with(open_setup(home), port, binds)
        lock = HomeLock.acquire(home, port=setup.config.port, wait=COMMANDS_SECONDS)
    except MultifleetError as error:
        _complain(error)
        return 1
    on_purpose = False
    try:
        _log_to(home)
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            runner.run(_serve(setup, lock, binds))
        on_purpose = True
    except MultifleetError as error:
        logging.getLogger("multifleet").error("ended code=%s reason=%s", error.code, error)
        _complain(error)
        return 1
    finally:
        if on_purpose:
            running.ended_on_purpose(str(home))
        lock.release()
    return 0


async def _serve(setup: Setup, lock: HomeLock, binds: Sequence[str]) -> None:
    start_threads()
    async with AsyncExitStack() as stack:
        node = await Node.open(setup)
        stack.push_async_callback(node.aclose)
        if node.store.set_aside:
            node.counters.failed("store_damaged", set_aside=node.store.set_aside)
        server = Server(
            operations=OPERATIONS,
            node=node,
            peer=_Peers(node),
            port=setup.config.port,
            binds=_with_loopback(node.binds),
            socket=socket_path(setup.home),
            token=setup.home / "token",
            counters=node.counters,
            relay_port=relay_port(setup.config),
        )
        await server.start(stack)
        # Whoever is answered from now on may kill it the next moment, and has to find it noted.
        lock.announce(server.addresses[0][1])
        with contextlib.suppress(OSError):  # a full disk: nothing starts this daemon again, and it runs all the same
            running.note(str(setup.home), server.addresses[0][1], list(binds))
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, node.stopping.set)
        node.relaying.port = server.relay_port
        node.healing.mending.relisten = server.relisten
        await node.start(stack, server.addresses)
        where = ", ".join(f"{host}:{port}" for host, port in server.addresses)
        sys.stdout.write(f"multifleet: {node.id} listens on {where}\n")
        sys.stdout.flush()
        logging.getLogger("multifleet").info("up node=%s at=%s", node.id, where)
        settle_memory()
        await node.run()


def start_threads() -> None:
    """Have as many threads from the start as there will ever be: asyncio's own grow with bursts and with the number of
    processors, and never become fewer."""
    pool = ThreadPoolExecutor(THREADS, thread_name_prefix="aside")
    all_there = threading.Barrier(THREADS + 1)
    for _ in range(THREADS):
        pool.submit(all_there.wait)
    all_there.wait()
    asyncio.get_running_loop().set_default_executor(pool)


def settle_memory() -> None:
    """Keep what was loaded at the start out of the collector's way: it would look at all of it again and again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(COLLECT_AFTER, 20, 100)


@dataclass(frozen=True, slots=True)
class _Peers:
    """What strangers may reach of a node."""

    node: Node

    async def frames(self, body: bytes, remote: str) -> tuple[int, bytes]:
        return await self.node.frames(body, remote)

    async def join(self, body: bytes, remote: str) -> tuple[int, bytes]:
        return await self.node.join_request(body, remote)


def _with(setup: Setup, port: int | None, binds: Sequence[str]) -> Setup:
    config = setup.config
    if port is not None:
        config = msgspec.structs.replace(config, port=port)
    if binds:
        config = msgspec.structs.replace(config, bind=tuple(binds))
    return replace(setup, config=config)


def _with_loopback(binds: Sequence[str]) -> list[str]:
    """The addresses to listen on; this machine's user always finds the daemon on a loopback address."""
    reaches_loopback = any(host in ANY or is_loopback(host) for host in binds)
    return list(binds) if reaches_loopback else [*binds, "127.0.0.1"]


def _log_to(home: Path) -> None:
    log = logging.getLogger("multifleet")
    log.addHandler(open_log(home))
    log.setLevel(logging.INFO)
    log.propagate = False


def _complain(error: MultifleetError) -> None:
    sys.stderr.write("".join(f"multifleet: {line}\n" for line in error.lines))


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop
    except ImportError:
        return None  # not on Windows
    return uvloop.new_event_loop


if __name__ == "__main__":
    raise SystemExit(run(home_path(), DEFAULT_PORT, []))
