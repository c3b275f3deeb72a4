"""The hooks in the real client: a text reaches the model once, whatever way the session goes, and is proven."""

import json
import shutil
import uuid
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from multifleet.core.transcript import Fact, TranscriptProof
from multifleet.sessions.claude_transcript import TranscriptFile
from multifleet.sessions.mock_messages_api import Answer, MockMessagesApi
from multifleet.sessions.seeds import SeedBox, fragment
from tests.sessions.real_claude import RealClaude, until
from tests.surfaces import run_cli

pytestmark = pytest.mark.real_claude

ROOT = Path(__file__).resolve().parents[2]
MARK = "k3jx9q0w7m5n2b8v4c6z1a0s"


@pytest.fixture
def plugin(tmp_path: Path) -> Path:
    """A plugin of our hooks alone, with a program that answers SessionStart as the command line does."""
    root = tmp_path / "plugin"
    shutil.copytree(ROOT / "hooks", root / "hooks")
    (root / ".claude-plugin").mkdir()
    manifest = {"name": "multifleet", "version": "0", "description": "-", "author": {"name": "-"}}
    (root / ".claude-plugin/plugin.json").write_text(json.dumps(manifest))
    (root / "bin").mkdir()
    text = json.dumps({"hookSpecificOutput": {"hookEventName": "SessionStart", "additionalContext": "waits-at-start"}})
    (root / "bin/multifleet").write_text(
        f"#!/bin/sh\ncat > {tmp_path}/half; mv {tmp_path}/half {tmp_path}/started\nprintf '%s' '{text}'\n"
    )
    (root / "bin/multifleet").chmod(0o755)
    (root / ".venv").mkdir()
    (root / ".venv/made-from").touch()
    return root


@pytest.fixture
async def api() -> AsyncIterator[MockMessagesApi]:
    async with MockMessagesApi() as api:
        yield api


def fact(claude: RealClaude) -> Fact:
    proof = TranscriptProof()
    proof.watch("00000000-0000-4000-8000-000000000001", MARK)
    now = claude.now()
    assert now is not None and now.transcript is not None
    file = TranscriptFile(now.transcript)
    while data := file.read():
        proof.feed(data)
    return proof.fact("00000000-0000-4000-8000-000000000001")


async def test_a_prompt_takes_what_waits_with_it_once(tmp_path: Path, plugin: Path, api: MockMessagesApi) -> None:
    home = tmp_path / "multifleet"
    home.mkdir(mode=0o700)
    box = SeedBox(home)
    text = f'{MARK} "quoted" \\ é 漢字 </system-reminder>\nsecond line'
    async with RealClaude(api, tmp_path / "home", "--plugin-dir", str(plugin), MULTIFLEET_HOME=str(home)) as claude:
        session = claude.session.session_id
        assert box.put(session, fragment(text))
        await claude.prompt("hello there")
        await until(lambda: fact(claude) is Fact.SEEN)
        assert len(box.taken(session)) == 1 and not box.waits(session)
        (request,) = [body for body in api.requests if MARK in json.dumps(body["messages"])]
        said = json.dumps(request["messages"], ensure_ascii=False)
        assert "UserPromptSubmit hook additional context: " in said and "second line" in said
        assert said.count(MARK) == 1

        await claude.prompt("/clear")
        new = await until(lambda: (now := claude.now()) and now.session_id != session and now.session_id)
        await until(lambda: json.loads((tmp_path / "started").read_text())["source"] == "clear")
        assert json.loads((tmp_path / "started").read_text())["session_id"] == new
        assert box.put(session, "for-the-old-one") and box.put(new, "for-the-new-one")
        await claude.prompt("hello again")
        assert await api.wait_for("for-the-new-one", 60.0)
        assert not api.given("for-the-old-one")


async def test_what_comes_during_a_turn_is_handed_over_at_its_end_once(
    tmp_path: Path, plugin: Path, api: MockMessagesApi
) -> None:
    home = tmp_path / "multifleet"
    home.mkdir(mode=0o700)
    box = SeedBox(home)
    arguments = ("--plugin-dir", str(plugin))
    mode = "auto"  # that of a session whose user has chosen none
    async with RealClaude(api, tmp_path / "home", *arguments, mode=mode, MULTIFLEET_HOME=str(home)) as claude:
        session = claude.session.session_id
        api.when("think", Answer(text="I thought", delay=1.0), once=True)
        await claude.prompt("think long")
        assert await api.wait_for("think long", 60.0)
        assert box.put(session, fragment(f"{MARK} came meanwhile"))
        await until(lambda: fact(claude) is Fact.SEEN)
        await claude.wait_status("idle")
        assert len(api.requests) == 2, "the turn went on once"
        assert len(box.taken(session)) == 1


async def test_a_session_that_asks_nobody_gets_it_with_its_users_next_prompt_alone(
    tmp_path: Path, plugin: Path, api: MockMessagesApi
) -> None:
    home = tmp_path / "multifleet"
    home.mkdir(mode=0o700)
    box = SeedBox(home)
    arguments = ("--plugin-dir", str(plugin))
    mode = "bypassPermissions"
    async with RealClaude(api, tmp_path / "home", *arguments, mode=mode, MULTIFLEET_HOME=str(home)) as claude:
        session = claude.session.session_id
        api.when("think", Answer(text="I thought", delay=1.0), once=True)
        await claude.prompt("think long")
        assert await api.wait_for("think long", 60.0)
        assert box.put(session, fragment(f"{MARK} came meanwhile"))
        await claude.wait_status("idle")
        assert box.waits(session) and not api.given("came meanwhile")
        await claude.prompt("go on")
        assert await api.wait_for("came meanwhile", 60.0)
        assert not box.waits(session)


async def test_a_single_question_finds_what_waits_when_its_session_starts(
    tmp_path: Path, plugin: Path, api: MockMessagesApi
) -> None:
    claude = RealClaude(api, tmp_path / "home", MULTIFLEET_HOME=str(tmp_path / "multifleet"))
    answer = await claude.ask("a question", "--plugin-dir", str(plugin))
    assert (answer["returncode"], answer["is_error"]) == (0, False)
    assert api.given("SessionStart hook additional context: waits-at-start")
    told = json.loads((tmp_path / "started").read_text())
    assert told["session_id"] == answer["session_id"] and told["source"] == "startup"


async def test_a_prompt_that_no_hook_reads_to_its_end_still_arrives(
    tmp_path: Path, plugin: Path, api: MockMessagesApi
) -> None:
    claude = RealClaude(api, tmp_path / "home", MULTIFLEET_HOME=str(tmp_path / "multifleet"))
    answer = await claude.ask("z" * 300_000 + " end", "--plugin-dir", str(plugin))
    assert (answer["returncode"], answer["is_error"]) == (0, False)
    assert api.given("zzz end")


async def test_hooks_in_the_users_own_settings_run_and_leave_no_trace(tmp_path: Path, api: MockMessagesApi) -> None:
    home = tmp_path / "home/.multifleet"
    home.mkdir(mode=0o700, parents=True)
    claude = RealClaude(api, tmp_path / "home")
    claude.prepare()
    settings = tmp_path / "home/.claude/settings.json"
    settings.write_bytes(was := b'{"skipDangerousModePermissionPrompt":  true }')
    variables = {"HOME": str(tmp_path / "home"), "CLAUDE_CONFIG_DIR": ""}
    assert (await run_cli(home, "hooks", "install", **variables)).status == 0
    session = str(uuid.uuid4())
    assert SeedBox(home).put(session, fragment(f"{MARK} waits"))
    answer = await claude.ask("a question", "--session-id", session)
    assert (answer["returncode"], answer["is_error"]) == (0, False)
    assert api.given(f"UserPromptSubmit hook additional context: {MARK} waits")
    assert (await run_cli(home, "hooks", "uninstall", **variables)).status == 0
    assert settings.read_bytes() == was
