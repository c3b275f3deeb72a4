"""`status` and `peers`: their short forms, their exit status, one member in full, and how they are watched."""

import asyncio
import json
import os
import pty
import signal
import sys
import termios
from asyncio.subprocess import PIPE, Process
from pathlib import Path

import msgspec
import pytest

from multifleet.operations.views import MemberView
from multifleet.store.lock import HomeLock
from tests.stand_in import MEMBERS, StandIn, serving
from tests.surfaces import ROOT, Surfaces, run_cli

WELL = {"degraded": None, "problems": (), "outbox": 0, "unread": 0}


def become(surfaces: Surfaces, **changes: object) -> None:
    """The node's status from now on."""
    surfaces.node.status_view = msgspec.structs.replace(surfaces.node.status_view, **changes)


async def test_a_status_bar_gets_one_line(surfaces: Surfaces) -> None:
    become(surfaces, degraded=None, problems=())
    ran = await surfaces.cli("status", "--line")
    assert (ran.status, ran.err) == (0, "")
    assert ran.out.startswith("mf mac1: 1/2 up, mac2 dead ") and ran.out.endswith("d, 3 to deliver, 4 unread\n")


@pytest.mark.parametrize(
    "changes, dot, status",
    [
        (WELL | {"members": MEMBERS[:1]}, "\u25cf\n", 0),
        (WELL, "\u25d0\n", 3),
        ({"degraded": "disk full"}, "\u25cb\n", 1),
    ],
    ids=["well", "waits", "fault"],
)
async def test_a_dot_is_one_character_and_an_exit_status(
    surfaces: Surfaces, changes: dict[str, object], dot: str, status: int
) -> None:
    become(surfaces, **changes)
    ran = await surfaces.cli("status", "--dot")
    assert (ran.out, ran.err, ran.status) == (dot, "", status)


async def test_without_a_daemon_a_status_bar_is_told_so(tmp_path: Path) -> None:
    ran = await run_cli(tmp_path, "status", "--line")
    assert (ran.status, ran.out, ran.err) == (1, "mf: DOWN, no daemon runs: multifleet up\n", "")
    ran = await run_cli(tmp_path, "status", "--dot")
    assert (ran.status, ran.out, ran.err) == (1, "\u25cb\n", "")


async def test_a_status_bar_is_told_of_a_daemon_that_is_on_its_way(tmp_path: Path) -> None:
    held = HomeLock.acquire(tmp_path, port=1)
    ran = await run_cli(tmp_path, "status", "--line")
    held.release()
    assert (ran.status, ran.out, ran.err) == (1, "mf: DOWN, the daemon is on its way up, or down\n", "")


@pytest.mark.parametrize("words", [["--line", "--dot"], ["--line", "--json"]])
async def test_there_is_one_form_at_a_time(surfaces: Surfaces, words: list[str]) -> None:
    ran = await surfaces.cli("status", *words)
    assert (ran.status, ran.out) == (2, "")
    assert "choose one" in ran.err


@pytest.mark.parametrize("form", ["--line", "--dot"])
async def test_a_status_bar_imports_nothing_heavy(surfaces: Surfaces, form: str) -> None:
    code = (
        "import sys; before = set(sys.modules); from multifleet.cli.main import main; "
        f"main(['status', '{form}']); print(*set(sys.modules) - before)"
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", code, stdout=PIPE, env=environment(surfaces.home)
    )
    out, _ = await process.communicate()
    loaded = set(out.decode().splitlines()[-1].split())
    heavy = {"argparse", "asyncio", "dataclasses", "logging", "msgspec", "pathlib", "shutil", "socket", "typing"}
    assert loaded & heavy == set()


async def test_one_peer_is_shown_with_all_that_is_known_of_it(surfaces: Surfaces) -> None:
    ran = await surfaces.cli("peers", "mac2")
    assert ran.out.splitlines()[0] == "node        mac2 (worker)"
    assert "            [fd00::2]:8855\n" in ran.out and "key         ab:cd\n" in ran.out
    assert "\x1b" not in ran.out
    assert [peer["node"] for peer in (await surfaces.cli("peers", "mac2", "--json")).json["peers"]] == ["mac2"]
    ran = await surfaces.cli("peers", "mac9")
    assert (ran.status, "no node mac9" in ran.err) == (1, True)


def environment(home: Path) -> dict[str, str]:
    return {"MULTIFLEET_HOME": str(home), "PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)}


async def watching(home: Path, *words: str) -> Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "multifleet", *words, "--watch", stdout=PIPE, stderr=PIPE, env=environment(home)
    )


async def lines(process: Process, count: int) -> list[str]:
    assert process.stdout is not None
    async with asyncio.timeout(20):
        return [(await process.stdout.readline()).decode() for _ in range(count)]


async def interrupted(process: Process) -> tuple[int | None, str]:
    """Exit status and complaints after Ctrl-C."""
    process.send_signal(signal.SIGINT)
    _, err = await process.communicate()
    return process.returncode, err.decode()


async def test_what_is_watched_is_shown_again_when_it_changes_until_it_is_interrupted(surfaces: Surfaces) -> None:
    become(surfaces, **WELL, members=[MemberView("mac1", "alive")])
    process = await watching(surfaces.home, "status", "--line")
    assert await lines(process, 1) == ["mf mac1: 1/1 up\n"]
    become(surfaces, outbox=2)
    assert await lines(process, 1) == ["mf mac1: 1/1 up, 2 to deliver\n"]
    assert await interrupted(process) == (0, "")
    assert ("changed", 7) in surfaces.node.asked


async def test_a_table_is_watched_block_by_block(surfaces: Surfaces) -> None:
    process = await watching(surfaces.home, "peers")
    first = await lines(process, 3)
    assert first[0].startswith("NODE ") and first[1].startswith("mac2 ")
    assert await interrupted(process) == (0, "")


async def test_on_a_terminal_it_is_drawn_in_place_and_the_terminal_is_left_as_it_was(surfaces: Surfaces) -> None:
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (24, 80))
    words = [sys.executable, "-m", "multifleet", "status", "--watch"]
    process = await asyncio.create_subprocess_exec(*words, stdout=theirs, stderr=PIPE, env=environment(surfaces.home))
    os.close(theirs)
    shown = await asyncio.to_thread(read_until, ours, b"NODE ")
    assert shown.startswith(b"\x1b[?1049h\x1b[?25l")
    become(surfaces, fleet="another")
    await asyncio.to_thread(read_until, ours, b"in fleet another")
    ended = asyncio.create_task(interrupted(process))
    assert (await asyncio.to_thread(read_until, ours, b"\x1b[?25h\x1b[?1049l")).endswith(b"\x1b[?1049l")
    assert await ended == (0, "")
    os.close(ours)


def read_until(terminal: int, text: bytes) -> bytes:
    shown = b""
    while text not in shown:
        shown += os.read(terminal, 4096)
    return shown


async def test_programs_get_a_line_of_json_for_each_change(surfaces: Surfaces) -> None:
    process = await watching(surfaces.home, "status", "--json")
    [first] = await lines(process, 1)
    become(surfaces, outbox=17)
    [second] = await lines(process, 1)
    assert (json.loads(first)["outbox"], json.loads(second)["outbox"]) == (3, 17)
    assert await interrupted(process) == (0, "")


async def test_a_status_bar_may_be_there_before_the_daemon_and_after_it(tmp_path: Path) -> None:
    process = await watching(tmp_path, "status", "--line")
    assert await lines(process, 1) == ["mf: DOWN, no daemon runs: multifleet up\n"]
    async with serving(tmp_path, StandIn()):
        [up] = await lines(process, 1)
        assert up.startswith("mf mac1: 1/2 up, DEGRADED")
    assert await lines(process, 1) == ["mf: DOWN, no daemon runs: multifleet up\n"]
    assert await interrupted(process) == (0, "")


async def test_without_a_daemon_there_is_nothing_to_watch(tmp_path: Path) -> None:
    ran = await run_cli(tmp_path, "status", "--watch")
    assert (ran.status, ran.out) == (1, "")
    assert "multifleet init" in ran.err
