"""A real daemon under a flood of datagrams goes on answering, believes nothing of it, and still hears its members.

Floods of other kinds are in tests/fleet/test_presence_attacks.py.
"""

import asyncio
import os
import secrets
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from multifleet.client import Client
from multifleet.core.frame import seal
from multifleet.operations import OPERATIONS
from tests.node.fleet import until
from tests.node.presence import flooder
from tests.node.served import Daemon, Daemons
from tests.starved import starved

SECONDS = 2.0
SLOWEST = 0.05
"""Seconds of /health at the 99th percentile, without those in which who answers, or who asks, had no processor: in
life the attacker has a machine of its own."""
SERVE = "import sys, pathlib; from multifleet import daemon; sys.exit(daemon.run(pathlib.Path(sys.argv[1]), None, []))"


@asynccontextmanager
async def process_of(daemon: Daemon) -> AsyncIterator[tuple[asyncio.subprocess.Process, int]]:
    """The home's daemon as a process of its own, and its port."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", SERVE, str(daemon.home), stdout=asyncio.subprocess.PIPE
    )
    try:
        assert process.stdout is not None
        said = await asyncio.wait_for(process.stdout.readline(), 30)
        yield process, int(said.rsplit(b":", 1)[1])
    finally:
        process.kill()
        await process.wait()


async def asked(daemon: Daemon, name: str) -> dict[str, Any]:
    """What the daemon's process answers its user."""
    operation = next(operation for operation in OPERATIONS if operation.name == name)
    return await Client(daemon.home).call(operation, {})


async def health(port: int, pid: int) -> float:
    """Seconds until /health was answered on a new connection."""
    began, before = time.perf_counter(), (starved(pid), starved(os.getpid()))
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
    answer = await reader.read(-1)
    writer.close()
    assert answer.startswith(b"HTTP/1.1 200 ")
    took = time.perf_counter() - began
    return took - max(starved(pid) - before[0], starved(os.getpid()) - before[1])


def of_an_attacker(mac1: Daemon) -> bytes:
    """The dearest that somebody throws who sees the wire between mac1 and mac2: a frame that is broken at its end."""
    keys, now = mac1.node.members.need("mac2").outgoing, int(mac1.node.clock.now())
    broken = bytearray(seal(keys, "mac1", "mac2", now, secrets.token_bytes(16), bytes(300)))
    broken[-1] ^= 1
    return bytes(broken)


@pytest.mark.alone
async def test_a_flood_neither_holds_the_daemon_nor_changes_what_it_knows(
    daemons: Daemons, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mac1, mac2 = await daemons.up("mac1", "mac2")
    await mac2.node.join((await mac1.node.invite([mac1.address])).code, [])
    await mac2.down()
    mac2.configure()
    thrown = tmp_path / "thrown"
    thrown.write_text(of_an_attacker(mac1).hex())
    async with process_of(mac2) as (process, port):
        await until(lambda: mac1.node.presence.is_there("mac2"))
        await until(lambda: mac1.node.presence.peer("mac2").round_trip is not None)
        heard_before = mac1.node.presence.peer("mac2").heard_at
        flood = await asyncio.create_subprocess_exec(
            *(sys.executable, flooder.__file__, "127.0.0.1", str(port), str(SECONDS), str(thrown)),
            stdout=asyncio.subprocess.PIPE,
        )
        answers, states = [], set()
        while flood.returncode is None:
            answers.append(await health(port, process.pid))
            states.add(str(mac1.node.presence.peer("mac2").state))
            await asyncio.sleep(0.005)
        heard_after = mac1.node.presence.peer("mac2").heard_at
        sent = int(await flood.stdout.read()) if flood.stdout else 0
        counters = (await asked(mac2, "stats"))["counters"]
        [peer] = (await asked(mac2, "peers"))["peers"]
    read = sum(count for name, count in counters.items() if name.startswith("datagram_refused_"))
    answers.sort()
    p50, p99 = answers[len(answers) // 2], answers[int(len(answers) * 0.99)]
    with capsys.disabled():
        print(
            f"\n{sent / SECONDS:,.0f} datagrams/s sent, {read / SECONDS:,.0f}/s read and refused; "
            f"/health p50 {p50 * 1e3:.1f} ms, p99 {p99 * 1e3:.1f} ms of {len(answers)}"
        )
    assert p99 < SLOWEST
    assert states == {"alive"} and peer["state"] == "alive"
    assert heard_after != heard_before  # members are heard all the while
