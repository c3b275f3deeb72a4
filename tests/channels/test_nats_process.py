"""The nats-server program: it never outlives who started it, says why it does not start, and reads its users anew."""

import asyncio
import os
import select
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from multifleet.channels.nats_config import User, server_config
from multifleet.channels.nats_process import NatsProcess, NotStarted, program, tied

KILLED = """
import subprocess, sys, time
from multifleet.channels.nats_process import tied
child = subprocess.Popen(
    tied(("/bin/sh", "-c", "umask; echo $$; exec sleep 60"), sys.argv[1]),
    stdin=subprocess.PIPE, stdout=1, start_new_session=True,
)
time.sleep(60)
"""


def config(folder: Path, port: int = 0) -> Path:
    """A configuration for one user."""
    path = folder / "server.conf"
    path.write_bytes(
        server_config(
            name="mac1",
            fleet="f" * 32,
            host="127.0.0.1",
            port=port,
            folder=folder,
            users=[User("mac1", "secret")],
            watch_password="watched",
            encrypted=False,
        )
    )
    return path


def found() -> str:
    """The program, which the environment of the tests has."""
    path = program()
    assert path is not None
    return path


@pytest.mark.parametrize("platform", ["linux", "darwin"])
def test_it_ends_with_the_daemon_even_where_that_is_killed(platform: str) -> None:
    if platform == "linux" and sys.platform != "linux":
        pytest.skip("Linux alone can do that")
    with subprocess.Popen([sys.executable, "-c", KILLED, platform], stdout=subprocess.PIPE) as daemon:
        assert daemon.stdout is not None
        assert int(daemon.stdout.readline(), 8) == 0o077
        pid = int(daemon.stdout.readline())
        watched = os.pidfd_open(pid)
        daemon.kill()
        poll = select.poll()
        poll.register(watched, 1)
        assert poll.poll(20_000), "the child lives on"
        os.close(watched)


async def test_a_taken_port_is_told_in_words_and_nothing_is_left(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(NotStarted, match="address already in use"):
            await NatsProcess.start(found(), config(tmp_path, taken.getsockname()[1]))


async def test_what_is_no_server_is_told_in_words(tmp_path: Path) -> None:
    with pytest.raises(NotStarted):
        await NatsProcess.start(str(tmp_path / "missing"), config(tmp_path))
    with pytest.raises(NotStarted, match="did not start"):
        await NatsProcess.start("/bin/true", config(tmp_path))


async def test_it_tells_its_port_reads_its_configuration_anew_and_stops(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("multifleet.channels.nats_process.STOP_SECONDS", 0.1)
    process = await NatsProcess.start(found(), config(tmp_path))
    try:
        assert process.runs and process.port
        assert await process.reload()
        os.kill(process.pid, signal.SIGSTOP)
    finally:
        await process.stop()
    assert not process.runs
    assert not await process.reload()


async def test_its_end_is_noticed(tmp_path: Path) -> None:
    process = await NatsProcess.start(found(), config(tmp_path))
    os.kill(process.pid, signal.SIGKILL)
    async with asyncio.timeout(20):
        await process.ended()
    await process.stop()


def test_it_is_tied_to_this_process_in_one_way_on_every_system() -> None:
    assert tied(("a", "b"), "linux")[-2:] == tied(("a", "b"), "darwin")[-2:] == ("a", "b")
