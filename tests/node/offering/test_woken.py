"""A session without an inbox is woken by the program that waits beside it. Its client is pretended: this process."""

import asyncio
import json
import os
from asyncio.subprocess import Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from multifleet.core.receipts import State
from multifleet.node.offering import following as following_module
from tests.node.fleet import until
from tests.node.offering.pretended import Pretended, is_seed_of
from tests.node.offering.stage import Stage
from tests.sessions.records import SESSION_ID

ROOT = Path(__file__).resolve().parents[3]


def client(stage: Stage, **changes: object) -> Pretended:
    changes = {"messagingSocketPath": None, "version": "2.1.197", **changes}
    return Pretended(stage.folder / "home/.claude", stage.folder / "home/project", **changes)


@asynccontextmanager
async def waiter(stage: Stage) -> AsyncIterator[Process]:
    """The program of the hook, once it listens."""
    process = await asyncio.create_subprocess_exec(
        *("/bin/sh", str(ROOT / "hooks/wait.sh"), str(ROOT)),
        env={
            "PATH": os.environ["PATH"],
            "MULTIFLEET_HOME": str(stage.mac2.home),
            "CLAUDE_CODE_ENTRYPOINT": "cli",
            "CLAUDE_CODE_SESSION_ID": SESSION_ID,
            "HOME": str(stage.folder),
        },
        stdin=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stdin is not None
    event = {"transcript_path": str(stage.folder / "none"), "cwd": str(stage.folder)}
    process.stdin.write(json.dumps(event).encode())
    process.stdin.close()
    try:
        pipe = stage.mac2.home / "waiters" / f"{SESSION_ID}.{os.getpid()}"
        await until(lambda: pipe.exists() or process.returncode is not None)  # what lies ready may wake it at once
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


def seed(stage: Stage) -> str:
    """What a hook would show now."""
    try:
        return (stage.mac2.home / "seeds" / SESSION_ID / "next").read_text()
    except FileNotFoundError:
        return ""


async def woken(process: Process) -> str:
    """What it says when it ends to wake the session."""
    async with asyncio.timeout(30.0):
        _, said = await process.communicate()
    assert process.returncode == 2
    return said.decode()


def note(claude: Pretended, text: str) -> None:
    """The client writes down what it was woken with, and gives it to the model."""
    content = f"<task-notification>\n</task-notification>\n<system-reminder>\n{text}\n</system-reminder>"
    origin = {"kind": "task-notification"}
    claude._append(type="user", origin=origin, promptSource="system", message={"role": "user", "content": content})


async def test_an_idle_session_is_woken_and_that_counts_once_its_client_has_written_it_down(stage: Stage) -> None:
    async with client(stage) as claude, waiter(stage) as process:
        id = await stage.send("MARK-WAKE up")
        text = await woken(process)
        assert "MARK-WAKE up" in text and "offered" not in await stage.states(id)
        note(claude, text)
        story = await stage.mac1.wait(id, State.OFFERED)
        assert "woken" in (story.events[-1].detail or "")
        claude.answer("I am awake")
        story = await stage.mac1.wait(id, State.ANSWERED)
        assert [event.state for event in story.events] == ["queued", "stored", "offered", "seen", "answered"]


async def test_what_may_wait_wakes_nobody_and_comes_along_with_what_may_not(stage: Stage) -> None:
    async with client(stage) as claude, waiter(stage) as process:
        await stage.send("MARK-WHENEVER", urgency="whenever")
        await until(lambda: is_seed_of(stage.mac2.home))
        claude.record.write(status="busy")
        next_turn = await stage.send("MARK-NEXT")
        await until(lambda: "MARK-NEXT" in seed(stage))
        assert process.returncode is None, "a busy session is shown it at the end of its turn"
        await stage.send("MARK-NOW", urgency="now")
        text = await woken(process)
        assert all(mark in text for mark in ("MARK-WHENEVER", "MARK-NEXT", "MARK-NOW"))
        assert "offered" not in await stage.states(next_turn)


@pytest.mark.parametrize("ended", [True, False], ids=["the session ended", "its client lost it"])
async def test_what_was_taken_and_never_shown_is_offered_again(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, ended: bool
) -> None:
    if not ended:
        monkeypatch.setattr(following_module, "WOKEN_LATE", 0.5)
    async with client(stage) as claude, waiter(stage) as process:
        id = await stage.send("MARK-WAKE up")
        first = await woken(process)
        if ended:
            claude.end()
            await until(lambda: not stage.node.offering.offers)
            assert (await stage.row(id)).state == State.STORED
            return
        await until(lambda: is_seed_of(stage.mac2.home))
        monkeypatch.setattr(following_module, "WOKEN_LATE", 60.0)  # this one is not lost
        async with waiter(stage) as again:
            second = await woken(again)
            assert "MARK-WAKE up" in second and second != first
            note(claude, second)
            await stage.mac1.wait(id, State.OFFERED)
            assert "refused" not in await stage.states(id)


async def test_a_daemon_that_was_killed_meanwhile_takes_it_up_and_does_not_wake_it_twice(stage: Stage) -> None:
    async with client(stage) as claude, waiter(stage) as process:
        id = await stage.send("MARK-WAKE up")
        text = await woken(process)
        await stage.killed_and_started()
        async with waiter(stage) as again:
            note(claude, text)
            await stage.mac1.wait(id, State.OFFERED)
            claude.answer("yes")
            await stage.mac1.wait(id, State.ANSWERED)
            assert again.returncode is None
