"""A session's pane is that in whose foreground its own process runs; nothing is typed into what shows no prompt."""

import asyncio
import dataclasses
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import uvloop

from multifleet.core.panes import Pane
from multifleet.sessions import typed_ring
from multifleet.sessions.base import Session, Status, Unreachable
from multifleet.sessions.codex_queue import WORDS
from multifleet.sessions.processes import started_at
from multifleet.sessions.typed_ring import NotNow, find_pane, type_ring
from tests.sessions.terminal import Terminal


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where all processors are busy, `tmux` and `ps` take longer than a user is let wait for them."""
    monkeypatch.setattr(typed_ring, "TIMEOUT", 60.0)


@pytest.fixture
async def terminal() -> AsyncIterator[Terminal]:
    terminal = Terminal()
    try:
        yield terminal
    finally:
        await terminal.end()


async def test_a_program_that_is_no_agent_is_found_by_its_process_and_left_alone(
    terminal: Terminal, tmp_path: Path
) -> None:
    variables = {"PATH": "/usr/local/bin:/usr/bin:/bin", "TERM": "xterm"}
    session = session_of(await terminal.start(("cat",), tmp_path, variables))
    await terminal.type("ready")
    pane = await find_pane(session)
    assert pane is not None and pane.id == "%0"
    for client in ("gemini", "codex", "bash"):
        with pytest.raises(NotNow):
            await type_ring(client, pane)
    assert "multifleet" not in await terminal.screen()
    assert await find_pane(dataclasses.replace(session, proc_start="1")) is None, "another process has its number now"


async def test_a_process_that_reads_from_elsewhere_is_not_typed_for(terminal: Terminal, tmp_path: Path) -> None:
    words = ("sh", "-c", "echo ready; exec sleep 60 </dev/null")
    session = session_of(await terminal.start(words, tmp_path, {"PATH": "/usr/bin:/bin", "TERM": "xterm"}))
    await terminal.wait_screen("ready")
    while os.readlink(f"/proc/{session.pid}/fd/0") != "/dev/null":  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    assert await find_pane(session) is None


@pytest.mark.parametrize("slow", ["ps", "tmux"])
async def test_a_pane_that_could_not_be_looked_for_in_time_is_not_said_to_be_missing(
    terminal: Terminal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, slow: str
) -> None:
    session = session_of(await terminal.start(("cat",), tmp_path, {"PATH": "/usr/bin:/bin", "TERM": "xterm"}))
    (tmp_path / slow).write_text("#!/bin/sh\nexec sleep 600\n")
    (tmp_path / slow).chmod(0o700)
    monkeypatch.setattr(typed_ring, "PATH", f"{tmp_path}:{typed_ring.PATH}")
    monkeypatch.setattr(typed_ring, "TIMEOUT", 0.3)
    with pytest.raises(NotNow):
        await find_pane(session)


async def test_where_the_screen_could_not_be_looked_at_in_time_nothing_was_typed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "tmux").write_text("#!/bin/sh\nexec sleep 600\n")
    (tmp_path / "tmux").chmod(0o700)
    monkeypatch.setattr(typed_ring, "PATH", f"{tmp_path}:{typed_ring.PATH}")
    monkeypatch.setattr(typed_ring, "TIMEOUT", 0.3)
    with pytest.raises(NotNow):
        await type_ring("codex", Pane("/nowhere", "%0", "/dev/pts/0", 0))


async def test_a_process_without_a_terminal_has_no_pane() -> None:
    process = await asyncio.create_subprocess_exec("sleep", "60", start_new_session=True)
    try:
        assert await find_pane(session_of(process.pid)) is None
    finally:
        process.kill()
        await process.wait()
    assert await find_pane(session_of(process.pid)) is None


class Prompt:
    """A pane of tmux that shows a prompt of Codex, for who asks as this daemon does."""

    def __init__(self, held: str, slow: str = "") -> None:
        """`slow`: what takes too long once, though it is done in the end; but a buffer is not loaded then."""
        self.held = held
        self.slow = slow
        self.sent: list[str] = []
        self.buffer = ""

    async def tmux(self, server: str, *words: str, stdin: bytes = b"") -> str:
        is_slow = self.slow in " ".join(words) and (self.slow != "capture-pane" or self.held)  # not the first look
        if not self.slow or not is_slow:
            return self.done(*words, stdin=stdin)
        if self.slow != "load-buffer":
            self.done(*words, stdin=stdin)
        self.slow = ""
        raise typed_ring._Slow("tmux took long")

    def done(self, *words: str, stdin: bytes) -> str:
        if words[0] == "load-buffer":
            self.buffer = stdin.decode()
        elif words[0] == "display-message":
            text = "\x1b[1m\u203a\x1b[0m " + (self.held or "\x1b[2mAsk Codex to do anything")
            column = 2 + len(self.held)
            return f"%0|1|0|0|0|{column}|6\n" + "\n".join(["", "", "", "", "", "", text, "", " model"])
        elif words[0] == "if-shell" and "paste-buffer" in words[-2]:
            self.held += self.buffer
            return typed_ring.YES
        elif words[0] == "if-shell" and "Enter" in words[-2]:
            self.sent.append(self.held)
            self.held = ""
            return typed_ring.YES
        return ""


@pytest.mark.parametrize("held, sent", [("", [WORDS]), (WORDS, [WORDS]), (WORDS + " so", []), ("a draft", [])])
async def test_a_line_that_an_ended_daemon_left_is_sent_and_nothing_of_the_user(
    monkeypatch: pytest.MonkeyPatch, held: str, sent: list[str]
) -> None:
    prompt = Prompt(held)
    monkeypatch.setattr(typed_ring, "_tmux", prompt.tmux)
    pane = Pane("/nowhere", "%0", "/dev/pts/0", 0)
    if sent:
        await type_ring("codex", pane)
    else:
        with pytest.raises(NotNow):
            await type_ring("codex", pane)
    assert (prompt.sent, prompt.held) == (sent, "" if sent else held)


@pytest.mark.parametrize("slow", ["load-buffer", "paste-buffer", "capture-pane", "Enter"])
async def test_where_one_step_takes_long_the_line_is_sent_all_the_same_and_once(
    monkeypatch: pytest.MonkeyPatch, slow: str
) -> None:
    prompt = Prompt("", slow)
    monkeypatch.setattr(typed_ring, "_tmux", prompt.tmux)
    pane = Pane("/nowhere", "%0", "/dev/pts/0", 0)
    if slow == "load-buffer":
        with pytest.raises(NotNow):
            await type_ring("codex", pane)
        assert prompt.held == "", "nothing was typed: that is tried again soon"
    await type_ring("codex", pane)
    assert (prompt.sent, prompt.held, prompt.slow) == ([WORDS], "", "")


@pytest.mark.parametrize("fails", ["capture-pane", "load-buffer"])
async def test_where_tmux_fails_before_anything_was_typed_that_is_tried_again_soon(
    monkeypatch: pytest.MonkeyPatch, fails: str
) -> None:
    prompt = Prompt("")

    async def failing(server: str, *words: str, stdin: bytes = b"") -> str:
        if fails in words:
            raise Unreachable("tmux cannot be started: Resource temporarily unavailable")
        return await prompt.tmux(server, *words, stdin=stdin)

    monkeypatch.setattr(typed_ring, "_tmux", failing)
    with pytest.raises(NotNow):
        await type_ring("codex", Pane("/nowhere", "%0", "/dev/pts/0", 0))


def session_of(pid: int) -> Session:
    return Session(
        client="gemini",
        session_id="s",
        pid=pid,
        proc_start=started_at(pid) or "",
        cwd=os.getcwd(),
        name="",
        status=Status.IDLE,
        version="",
        entrypoint="",
        socket=None,
        transcript=None,
        started_at=0.0,
        updated_at=0.0,
        kind="",
    )


def test_a_program_that_has_ended_already_is_no_error_of_the_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    start = asyncio.create_subprocess_exec

    async def ended(*words: str, **options: Any) -> asyncio.subprocess.Process:
        process = await start(*words, **options)
        await process.wait()
        return process

    async def run() -> None:
        assert await typed_ring._run(["echo", "%1"]) == "%1\n"
        with pytest.raises(Unreachable):
            await typed_ring._run(["true"], b"a line")

    monkeypatch.setattr(asyncio, "create_subprocess_exec", ended)
    uvloop.run(run())
