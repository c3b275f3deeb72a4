"""Named repairs of this machine's own daemon, on a real one."""

import asyncio
import json
import os
import select
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from multifleet import running
from multifleet.cli import local_repair
from multifleet.cli.home_lock import is_held
from multifleet.cli.local_repair import MOST, repair
from multifleet.cli.shape import Failed
from tests.surfaces import ROOT, Ran, run_cli

UP = ("up", "--port", "0", "--bind", "127.0.0.1", "--json")


@pytest.fixture
async def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Path]:
    """A home whose daemon is stopped with the test."""
    home = tmp_path / "home"
    monkeypatch.setenv("MULTIFLEET_HOME", str(home))
    monkeypatch.setenv("HOME", str(tmp_path))
    await run(home, "init", "--node", "mac1")
    yield home
    await run(home, "down")


async def run(home: Path, *words: str) -> Ran:
    return await run_cli(home, *words, cwd=home.parent, HOME=str(home.parent))


async def repaired(home: Path, name: str, *, patience: float = 20.0) -> str:
    """What a repair says that runs in a process of its own, as it does after a login."""
    code = (
        "import sys; from multifleet.cli import local_repair as here; "
        f"here.ANSWER = here.GRACE = {patience}; made = here.repair('{name}'); print(made.acted, made.words)"
    )
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", code, stdout=asyncio.subprocess.PIPE, cwd=ROOT)
    said, _ = await process.communicate()
    return said.decode()


async def end(pid: int, number: int) -> None:
    process = os.pidfd_open(pid)
    os.kill(pid, number)
    ended, _, _ = await asyncio.to_thread(select.select, [process], [], [], 10)
    os.close(process)
    assert ended


async def test_a_daemon_that_was_killed_is_brought_up_where_it_was_and_one_that_was_stopped_is_not(home: Path) -> None:
    up = (await run(home, *UP)).json
    assert (await repaired(home, "daemon")).startswith("False the daemon answers")
    await end(up["pid"], signal.SIGKILL)
    said = await repaired(home, "daemon")
    assert said.startswith("True") and "dead socket was removed" in said and "up again" in said
    again = (await run(home, "status", "--json")).json
    assert again["addresses"] == up["addresses"] and again["pid"] != up["pid"]

    await run(home, "down")
    assert running.left_by(str(home)) is None
    said = await repaired(home, "daemon")
    assert said.startswith("False") and "multifleet up" in said
    assert (await run(home, "health")).status == 1


async def test_a_frozen_daemon_is_ended_and_another_one_runs(home: Path) -> None:
    up = (await run(home, *UP)).json
    os.kill(up["pid"], signal.SIGSTOP)
    assert "did not answer and was killed" in await repaired(home, "daemon", patience=0.3)
    assert (await run(home, "status", "--json")).json["pid"] != up["pid"]


async def test_a_daemon_that_is_on_its_way_up_is_left_alone(home: Path) -> None:
    command = (sys.executable, "-m", "multifleet", *UP, "--foreground")
    starting = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.DEVNULL, cwd=ROOT)
    while not is_held():  # noqa: ASYNC110  no event tells it
        await asyncio.sleep(0.001)
    starting.send_signal(signal.SIGSTOP)  # as a machine that is busy
    repairing = asyncio.create_task(repaired(home, "daemon"))
    await asyncio.sleep(1.5)
    starting.send_signal(signal.SIGCONT)
    assert (await repairing).startswith("False the daemon answers")
    assert (await run(home, "status", "--json")).json["pid"] == starting.pid
    await run(home, "down")
    await starting.wait()


async def test_only_so_many_repairs_are_made_in_an_hour_and_one_at_a_time(home: Path) -> None:
    running.note(str(home), 1, [])
    (home / "repairs").write_text(json.dumps([local_repair.time.time() - 10] * MOST))
    with pytest.raises(Failed, match="within the hour"):
        repair("daemon")
    with (home / "repairs").open("rb") as held:
        local_repair.fcntl.flock(held, local_repair.fcntl.LOCK_EX)
        with pytest.raises(Failed, match="under way"):
            repair("socket")


async def test_a_dead_socket_is_cleared(home: Path) -> None:
    (home / "socket").touch()
    ran = await run(home, "repair", "--local", "socket", "--json")
    assert ran.json == {"acted": True, "detail": "its dead socket was removed"} and not (home / "socket").exists()
    assert not repair("socket").acted
    assert (await run(home, "repair", "mac2", "--local", "socket")).status == 2
