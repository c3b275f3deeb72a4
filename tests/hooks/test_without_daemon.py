"""With a daemon that stands still or is dead no hook of any client costs a prompt more than next to nothing, and no
real client loses one or waits for it."""

import asyncio
import contextlib
import json
import os
import shutil
import signal
import subprocess
import time
import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from multifleet.sessions.hook_table import FORMS, groups_for
from multifleet.sessions.mock_messages_api import MockMessagesApi
from multifleet.sessions.seeds import SeedBox, fragment
from tests.lab.client_install import CLAUDE_VERSION, EARLIER_CLAUDE
from tests.lab.mock_gemini import MockGemini
from tests.lab.mock_openai import MockOpenAI
from tests.sessions.plugin_folder import ROOT, plugin_in
from tests.sessions.real_claude import RealClaude
from tests.sessions.real_codex import RealCodex
from tests.sessions.real_gemini import RealGemini
from tests.sessions.real_qwen import RealQwen
from tests.surfaces import run_cli

MOST = 0.1
"""Seconds by which a prompt may come later for our hooks."""
SESSION = "85f25b7e-8348-4b79-bdeb-0f2f2dc40cb5"
EVENT = {"session_id": SESSION, "cwd": "/", "permission_mode": "default", "stop_hook_active": False}
CALLED = ("cat", "head", "mv", "sed", "python3", "readlink", "dirname")
"""Programs that a hook might start."""
STARTED = {"claude": [], "codex": ["cat", "head"], "gemini": ["cat", "head"], "qwen": ["cat", "head"]}
"""Those that a prompt costs: of another client than Claude Code the event is read."""


class Silent:
    """The home of a real daemon that can be made to do no more, with a message for the seat `project` in its store."""

    def __init__(self, home: Path, pid: int) -> None:
        self.home = home
        self._pid = pid

    def frozen_and_then_dead(self) -> Iterator[str]:
        """Both, one after the other."""
        os.kill(self._pid, signal.SIGSTOP)
        yield "frozen"
        os.kill(self._pid, signal.SIGKILL)
        yield "dead"


@pytest.fixture
async def silent(tmp_path: Path) -> AsyncIterator[Silent]:
    home, project = tmp_path / "daemon", tmp_path / "user/project"
    project.mkdir(parents=True)

    async def run(*words: str) -> dict[str, int]:
        ran = await run_cli(home, *words, "--json", cwd=tmp_path, HOME=str(tmp_path))
        assert ran.status == 0, ran.err
        return ran.json  # type: ignore[no-any-return]

    await run("init", "--node", "mac1")
    pid = (await run("up", "--port", "0", "--bind", "127.0.0.1"))["pid"]
    try:
        await run("seat", "bind", "project", str(project))
        await run("send", "mac1/project", "MARK-STORED")
        yield Silent(home, pid)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def test_no_hook_of_any_client_takes_a_tenth_of_a_second_or_starts_more_than_it_needs(
    silent: Silent, tmp_path: Path
) -> None:
    counting, log = tmp_path / "counting", tmp_path / "started"
    counting.mkdir()
    for name in CALLED:
        (counting / name).write_text(f'#!/bin/sh\necho {name} >>{log}\nexec {shutil.which(name)} "$@"\n')
        (counting / name).chmod(0o755)
    given = {"MULTIFLEET_HOME": str(silent.home), "HOME": str(tmp_path), "CLAUDE_CODE_SESSION_ID": SESSION}

    def seconds(event: str, command: list[str], path: str = "/usr/bin:/bin") -> float:
        told = json.dumps({**EVENT, "hook_event_name": event}, separators=(",", ":"))
        began = time.monotonic()
        done = subprocess.run(command, input=told, env=given | {"PATH": path}, capture_output=True, text=True)
        took = time.monotonic() - began
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
        return took

    for how in silent.frozen_and_then_dead():
        for client, event, command in all_hooks(str(plugin_in(tmp_path))):
            assert any(seconds(event, command) < MOST * slowed() for _ in range(20)), (how, client, event)
            seconds(event, command, str(counting))
            started = sorted(log.read_text().split()) if log.exists() else []
            assert started == ([] if event == "SessionStart" else STARTED[client]), (client, event)
            log.unlink(missing_ok=True)


def slowed() -> float:
    """By how much this machine is slowed down just now by other work on it."""
    before, began = time.process_time(), time.monotonic()
    while (worked := time.process_time() - before) < 0.01:
        pass
    return max(1.0, (time.monotonic() - began) / worked)


def all_hooks(root: str) -> Iterator[tuple[str, str, list[str]]]:
    """Client, event and command of every hook that its client waits for."""
    claude = json.loads((ROOT / "hooks/hooks.json").read_text())["hooks"]
    for client, groups in {"claude": claude, **{client: groups_for(client, root) for client in FORMS}}.items():
        for event, found in groups.items():
            for entry in [entry for group in found for entry in group["hooks"] if not entry.get("asyncRewake")]:
                words = [word.replace("${CLAUDE_PLUGIN_ROOT}", root) for word in entry.get("args", ())]
                yield client, event, [entry["command"], *words] if words else ["/bin/sh", "-c", entry["command"]]


@pytest.mark.real_claude
@pytest.mark.real_clients
async def test_no_real_client_loses_a_single_question_or_waits_with_it(silent: Silent, tmp_path: Path) -> None:
    user = tmp_path / "user"
    plugin = plugin_in(user)
    shutil.copytree(ROOT / ".claude-plugin", plugin / ".claude-plugin")
    async with MockMessagesApi() as anthropic:
        with MockOpenAI() as openai, MockGemini() as google:

            async def claude(question: str, version: str) -> None:
                session = str(uuid.uuid4())
                assert SeedBox(silent.home).put(session, fragment(f"laid ready for {question}"))
                client = RealClaude(anthropic, user, version=version, MULTIFLEET_HOME=str(silent.home))
                answer = await client.ask(question, "--plugin-dir", str(plugin), "--session-id", session)
                assert (answer["returncode"], answer["is_error"]) == (0, False)
                assert anthropic.given(question) and anthropic.given(f"laid ready for {question}")

            codex = RealCodex(openai, user, silent.home, user / "project")
            others = {
                "gemini": RealGemini(google, user, silent.home, user / "project"),
                "qwen": RealQwen(openai, user, silent.home, user / "project"),
            }
            for how in silent.frozen_and_then_dead():
                async with asyncio.TaskGroup() as group:
                    group.create_task(claude(f"of the newest, {how}", CLAUDE_VERSION))
                    group.create_task(codex.ask(f"of codex, {how}", *codex.tools()))
                    if how == "frozen":  # these two take seconds each; their hooks are the same two programs
                        group.create_task(claude(f"of an earlier one, {how}", EARLIER_CLAUDE))
                        for name, other in others.items():
                            group.create_task(other.ask(f"of {name}, {how}"))
            told = [row["conversation"] for row in (*openai.requests, *google.requests) if row["model"]]
            said = json.dumps([*anthropic.requests, *told])
    for question in ("of codex, frozen", "of codex, dead", "of gemini, frozen", "of qwen, frozen"):
        assert any(question in conversation for conversation in told), question
    assert "MARK-STORED" not in said, "the daemon had a chance to answer"
