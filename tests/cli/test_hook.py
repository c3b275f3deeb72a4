"""`hook` never stands in a client's way: silence and exit status 0, whatever fails."""

import asyncio
import json
import os
import signal
import socket
import sys
import time
from pathlib import Path

import pytest

from tests.surfaces import Surfaces, run_cli

TOLD = {"session_id": "s1", "cwd": "/home/ada/api", "transcript_path": "/t.jsonl", "source": "startup"}


async def test_waiting_text_becomes_context_of_the_session(surfaces: Surfaces) -> None:
    told = json.dumps(TOLD | {"hook_event_name": "SessionStart"}).encode()
    ran = await surfaces.cli("hook", "session-start", stdin=told, CLAUDE_PID="99", CLAUDE_CODE_ENTRYPOINT="cli")
    assert (ran.status, ran.err) == (0, "")
    output = {"hookEventName": "SessionStart", "additionalContext": "text that waits"}
    assert ran.json == {"hookSpecificOutput": output}
    expected = ("SessionStart", "s1", "/home/ada/api", "/t.jsonl", "startup", "cli", 99, "claude")
    assert surfaces.node.asked == [("hook", expected)]


async def test_of_another_client_is_told_what_stands_in_the_event_and_which_process_runs_the_hook(
    surfaces: Surfaces,
) -> None:
    told = json.dumps(TOLD | {"hook_event_name": "SessionStart"}).encode()
    about_another = {"CLAUDE_PID": "99", "CLAUDE_CODE_ENTRYPOINT": "cli", "CLAUDE_CODE_SESSION_ID": "s0"}
    ran = await surfaces.cli("hook", "session-start", stdin=told, MULTIFLEET_CLIENT="codex", **about_another)
    assert ran.status == 0
    [(_, (*_, entrypoint, pid, client))] = surfaces.node.asked
    assert (entrypoint, client) == (None, "codex") and pid == os.getpid()


async def test_nothing_waiting_prints_nothing(surfaces: Surfaces) -> None:
    surfaces.node.hook_text = ""
    ran = await surfaces.cli("hook", "stop", stdin=json.dumps(TOLD).encode())
    assert (ran.status, ran.out, ran.err) == (0, "", "")


@pytest.mark.parametrize("stdin", [b"", b"no json", b"[]", b"\xff", b'{"session_id": 1}'])
async def test_odd_input_is_silence(surfaces: Surfaces, stdin: bytes) -> None:
    surfaces.node.hook_text = ""
    ran = await surfaces.cli("hook", "user-prompt-submit", stdin=stdin)
    assert (ran.status, ran.out, ran.err) == (0, "", "")


@pytest.mark.parametrize("event", ["session-start", "user-prompt-submit", "stop"])
async def test_no_daemon_is_silence(tmp_path: Path, event: str) -> None:
    ran = await run_cli(tmp_path, "hook", event, stdin=json.dumps(TOLD).encode())
    assert (ran.status, ran.out, ran.err) == (0, "", "")


@pytest.mark.parametrize("event, patience", [("user-prompt-submit", 0.1), ("stop", 0.1), ("session-start", 0.9)])
async def test_a_frozen_daemon_is_not_waited_for(tmp_path: Path, event: str, patience: float) -> None:
    with socket.socket(socket.AF_UNIX) as frozen:
        frozen.bind(str(tmp_path / "socket"))
        frozen.listen()
        bare = await _seconds(tmp_path, "version")
        assert await _seconds(tmp_path, "hook", event) < patience + 3 * bare


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the system does not tell")
async def test_a_daemon_that_is_stopped_is_not_even_asked(tmp_path: Path) -> None:
    stopped = await asyncio.create_subprocess_exec("sleep", "60")
    os.kill(stopped.pid, signal.SIGSTOP)
    (tmp_path / "lock").write_text(json.dumps({"pid": stopped.pid}))
    with socket.socket(socket.AF_UNIX) as frozen:
        frozen.bind(str(tmp_path / "socket"))
        frozen.listen()
        frozen.setblocking(False)
        await _seconds(tmp_path, "hook", "session-start")
        with pytest.raises(BlockingIOError):
            frozen.accept()
    stopped.kill()
    await stopped.wait()


async def _seconds(home: Path, *words: str) -> float:
    began = time.monotonic()
    async with asyncio.timeout(20):
        ran = await run_cli(home, *words, stdin=json.dumps(TOLD).encode())
    assert ran.status == 0
    return time.monotonic() - began
