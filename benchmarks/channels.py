"""What channels cost: the cascade beside HTTP alone, a kept SSH connection beside a cold one; and a hundred peers."""

import asyncio
import subprocess
import time
from contextlib import AsyncExitStack
from pathlib import Path

from benchmarks import broadcast
from benchmarks.delivery import HTTP_ALONE, Measured, Plan
from benchmarks.processes import per_round_ratio
from benchmarks.table import Row, median_ms
from multifleet.channels.base import Parcel, Target
from multifleet.channels.seed import SeedChannel
from multifleet.channels.ssh_connections import SshConnections
from multifleet.core.ssh_packets import SshTold
from tests.channels.here_now import HereNow
from tests.channels.sshd import Sshd

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


def measure(folder: Path, rounds: int, peers: int = broadcast.PEERS) -> list[Row]:
    """SSH and broadcast."""
    return [asyncio.run(_ssh(folder, rounds)), *broadcast.measure(folder, rounds, peers)]


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
