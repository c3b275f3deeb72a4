"""A message to each of a hundred peers: in one process for the time that it takes, and over HTTP to recipients in a
process of their own for what the sender itself has to do: to whole nodes, which do on the same processors what a
hundred machines would do beside each other, and to recipients that answer and keep nothing.
"""

import asyncio
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path
from statistics import median

import uvloop

from benchmarks.nodes import ROOT
from benchmarks.processes import per_round_ratio
from benchmarks.table import Row, median_ms
from multifleet.channels.http import HttpChannel
from multifleet.channels.memory import Network
from multifleet.core.receipts import State
from multifleet.daemon import settle_memory
from multifleet.node.node import Node
from multifleet.node.roster.fleet_file import Fleet
from multifleet.node.setup import Setup
from tests.core.wire import FLEET, identity
from tests.node.fleet import Machine, Machines, machines_in, pinned

PEERS = 100
SENDER = "mac1"
PAUSE = 0.6
"""Seconds between two rounds, in which what may wait for a commit is written."""


def measure(folder: Path, rounds: int, peers: int = PEERS) -> Sequence[Row]:
    """The whole, the same with a dead peer, and the sender's own part of it."""
    names = [f"mac{number}" for number in range(2, peers + 2)]
    own_part = _own_part(Path(tempfile.mkdtemp(dir=folder)), rounds, names)
    own_time = _own_time(Path(tempfile.mkdtemp(dir=folder)), rounds, names)
    return [*asyncio.run(_in_one_process(folder, rounds, names)), own_part, own_time]


async def _in_one_process(folder: Path, rounds: int, names: Sequence[str]) -> Sequence[Row]:
    place = Path(tempfile.mkdtemp(dir=folder))
    async with machines_in(place) as machines:
        sender, *_ = machines.add(SENDER, *names)
        for name in names:
            await machines.all[name].open()
        await sender.start()
        await _to_all(sender.node, names)
        whole, one_dead = [], []
        for _ in range(rounds):
            whole.append((await _to_all(sender.node, names))[0])
            one_dead.append(await _with_one_dead(machines, sender, names))
    return [
        Row(f"a message to each of {len(names)} peers, ms", median_ms(whole), median(whole), at_most=40.0),
        Row(
            "the same to the others when one is dead, against all alive",
            f"{median_ms(one_dead)}, {median_ms(whole)}",
            per_round_ratio(one_dead, whole),
            at_most=1.2,
        ),
    ]


def _own_part(place: Path, rounds: int, names: Sequence[str]) -> Row:
    """All threads of the sender's process, until the last recipient has said that it is stored."""
    (place / "theirs").mkdir()
    with _recipients("benchmarks.recipients", str(place / "theirs"), SENDER, *names) as ports:
        busy, took = uvloop.run(_send_rounds(place, rounds, ports))
    name = f"the same over HTTP, the sender's own processor time for {len(names)} peers, ms"
    return Row(name, f"{median_ms(busy)} of {median_ms(took)}", median(busy), at_most=40.0)


def _own_time(place: Path, rounds: int, names: Sequence[str]) -> Row:
    """By the clock, until the last recipient has said that it is stored; they verify and answer, and keep nothing."""
    with _recipients("benchmarks.takers", SENDER, *names) as ports:
        busy, took = uvloop.run(_send_rounds(place, rounds, ports))
    name = f"the same to {len(names)} recipients that keep nothing, ms by the clock, of it the sender's processor time"
    return Row(name, f"{median_ms(took)}, {median_ms(busy)}", median(took), at_most=40.0)


@contextmanager
def _recipients(*program: str) -> Iterator[dict[str, int]]:
    """The port of each; they end with their standard input."""
    command = [sys.executable, "-m", *program]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin and process.stdout
        try:
            yield json.loads(process.stdout.readline())
        finally:
            process.stdin.close()


async def _send_rounds(place: Path, rounds: int, ports: dict[str, int]) -> tuple[list[float], list[float]]:
    """Milliseconds of each round: of the processors here, and of the clock."""
    machine = Machine(place / SENDER, SENDER, Network())
    setup = Setup(machine.home, machine.config, machine.identity, Fleet(FLEET), None)
    busy, took = [], []
    async with AsyncExitStack() as stack:
        node = await Node.open(setup, channels=[HttpChannel()])
        stack.push_async_callback(node.aclose)
        for name, port in ports.items():
            await node.membership.admit(pinned(identity(name), (f"127.0.0.1:{port}",)))
        await node.start(stack, [])
        settle_memory()
        running = asyncio.create_task(node.run())
        await _to_all(node, list(ports))
        for _ in range(rounds):
            await asyncio.sleep(PAUSE)
            before = time.process_time()
            took.append((await _to_all(node, list(ports)))[0])
            busy.append((time.process_time() - before) * 1000)
        node.stopping.set()
        await running
    return busy, took


async def _to_all(node: Node, names: Sequence[str], without: str = "") -> tuple[float, str]:
    """Milliseconds until all have said that it is stored; `without` is not waited for, and its message's id is told."""
    began = time.perf_counter()
    accepted = await asyncio.gather(*(node.messages.send(name, "to all of you") for name in names))
    ids = {name: one.id for one, name in zip(accepted, names, strict=True)}
    left_out = ids.pop(without, "")
    await asyncio.gather(*(node.messages.until(id, State.STORED) for id in ids.values()))
    return (time.perf_counter() - began) * 1000, left_out


async def _with_one_dead(machines: Machines, sender: Machine, names: Sequence[str]) -> float:
    machines.network.silent.add(names[0])
    took, waiting = await _to_all(sender.node, names, without=names[0])
    machines.network.silent.clear()
    await sender.node.messages.until(waiting, State.STORED)  # so that it is all right in the next round
    return took
