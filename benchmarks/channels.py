"""What channels cost: the cascade beside HTTP alone, a kept SSH connection beside a cold one, a hundred peers."""

import asyncio
import subprocess
import tempfile
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from statistics import median

from benchmarks.delivery import HTTP_ALONE, Measured, Plan
from benchmarks.processes import per_round_ratio
from benchmarks.table import Row, median_ms
from multifleet.channels.base import Parcel, Target
from multifleet.channels.seed import SeedChannel
from multifleet.channels.ssh_connections import SshConnections
from multifleet.core.receipts import State
from multifleet.core.ssh_packets import SshTold
from tests.channels.here_now import HereNow
from tests.channels.sshd import Sshd
from tests.node.fleet import Machine, Machines, machines_in

PEERS = 100
FRAME = b"mf1 " + bytes(2_000)


def cascade_plan(rounds: int, seconds: float) -> Plan:
    """The product with every channel ready, and the same with one."""
    names = ("product", HTTP_ALONE)
    return Plan(rounds=rounds, seconds=seconds, callers=(1, 128), backlog=0, names=names, posted=0, settle=8.0)


def cascade_rows(measured: Measured) -> list[Row]:
    """Both are healthy all the time: the ratio is what choosing costs."""
    p50, alone_p50 = (measured.median(name, 1, "p50") for name in ("product", HTTP_ALONE))
    rate, alone_rate = (measured.median(name, 128, "rate") for name in ("product", HTTP_ALONE))
    of = "all channels against HTTP alone"
    return [
        Row(
            f"delivered p50, one caller, {of}",
            f"{p50:.2f} ms, {alone_p50:.2f} ms",
            measured.ratio("product", HTTP_ALONE, 1, "p50"),
            at_most=1.05,
        ),
        Row(
            f"delivered/s at 128 callers, {of}",
            f"{rate:,.0f}/s, {alone_rate:,.0f}/s",
            measured.ratio("product", HTTP_ALONE, 128, "rate"),
            at_least=0.95,
        ),
    ]


def measure(folder: Path, rounds: int, peers: int = PEERS) -> list[Row]:
    """SSH and broadcast."""
    return [asyncio.run(_ssh(folder, rounds)), *asyncio.run(_broadcast(folder, rounds, peers))]


async def _ssh(folder: Path, rounds: int) -> Row:
    theirs = folder / "theirs"
    (theirs / "drop").mkdir(parents=True, mode=0o700)
    async with AsyncExitStack() as stack:
        sshd = stack.enter_context(Sshd.make(folder / "sshd").running())
        now, connections = HereNow(folder / "mine"), SshConnections()
        stack.push_async_callback(now.aclose)
        channel = SeedChannel(connections)
        await channel.start(stack, now.here)
        connections.peers.told("mac2", SshTold(host_keys=[sshd.host_key], home=str(theirs)))
        target = Target("mac2", configured=sshd.entry())
        await channel.deliver(target, Parcel(FRAME, ("first",)))
        kept, cold = [], []
        for number in range(rounds):
            began = time.perf_counter()
            await asyncio.to_thread(_cold_ssh, sshd)
            cold.append((time.perf_counter() - began) * 1000)
            began = time.perf_counter()
            await channel.deliver(target, Parcel(FRAME, (str(number),)))
            kept.append((time.perf_counter() - began) * 1000)
    name = "second message over SSH, against a cold `ssh HOST true`"
    return Row(name, f"{median_ms(kept)}, {median_ms(cold)}", per_round_ratio(kept, cold), at_most=0.01)


def _cold_ssh(sshd: Sshd) -> None:
    said = sshd.entry()
    options = ("-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR")
    command = ("ssh", "-F", "none", *options, "-i", said.ssh_key, "-p", str(said.ssh_port), f"{said.user}@{said.host}")
    subprocess.run([*command, "true"], check=True, stdin=subprocess.DEVNULL, timeout=30)


async def _broadcast(folder: Path, rounds: int, peers: int) -> Sequence[Row]:
    """A message to each of so many peers, all in this process, each with a store of its own."""
    place = Path(tempfile.mkdtemp(dir=folder))
    async with machines_in(place) as machines:
        names = [f"mac{number}" for number in range(2, peers + 2)]
        sender, *_ = machines.add("mac1", *names)
        for name in names:
            await machines.all[name].open()
        await sender.start()
        await _to_all(sender, names)
        whole, one_dead = [], []
        for _ in range(rounds):
            whole.append((await _to_all(sender, names))[0])
            one_dead.append(await _with_one_dead(machines, sender, names))
    return [
        Row(f"a message to each of {peers} peers, ms", median_ms(whole), median(whole), at_most=40.0),
        Row(
            "the same to the others when one is dead, against all alive",
            f"{median_ms(one_dead)}, {median_ms(whole)}",
            per_round_ratio(one_dead, whole),
            at_most=1.2,
        ),
    ]


async def _to_all(sender: Machine, names: Sequence[str], without: str = "") -> tuple[float, str]:
    """Milliseconds until all have said that it is stored; `without` is not waited for, and its message's id is told."""
    began = time.perf_counter()
    accepted = await asyncio.gather(*(sender.node.messages.send(name, "to all of you") for name in names))
    ids = {name: one.id for one, name in zip(accepted, names, strict=True)}
    left_out = ids.pop(without, "")
    await asyncio.gather(*(sender.node.messages.until(id, State.STORED) for id in ids.values()))
    return (time.perf_counter() - began) * 1000, left_out


async def _with_one_dead(machines: Machines, sender: Machine, names: Sequence[str]) -> float:
    machines.network.silent.add(names[0])
    took, waiting = await _to_all(sender, names, without=names[0])
    machines.network.silent.clear()
    await sender.node.messages.until(waiting, State.STORED)  # so that it is all right in the next round
    return took
