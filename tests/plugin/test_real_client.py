"""The plugin in the real Claude Code: it validates, installs offline, and its commands and tools are there."""

import asyncio
import json
import os
import re
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from multifleet.operations import OPERATIONS
from multifleet.plugin.skills import for_models
from multifleet.sessions.claude_hooks import hooks_installed
from multifleet.sessions.claude_plugin import install_plugin, uninstall_plugin
from multifleet.sessions.hook_clients import hook_file
from multifleet.sessions.hook_install import install, uninstall
from multifleet.sessions.mock_messages_api import Answer, MockMessagesApi
from tests.lab.client_install import CLAUDE_VERSION, EARLIER_CLAUDE, claude_program
from tests.stand_in import StandIn, serving

ROOT = Path(__file__).resolve().parents[2]
pytestmark = [pytest.mark.real_claude, pytest.mark.timeout(240)]


@dataclass(frozen=True)
class Client:
    """A client with a home of its own; nothing of the user's environment goes in."""

    folder: Path
    api: str

    def environment(self) -> dict[str, str]:
        return {
            "HOME": str(self.folder),
            "PATH": os.environ["PATH"],
            "MULTIFLEET_HOME": str(self.folder),
            "IS_SANDBOX": "1",
            "ANTHROPIC_BASE_URL": self.api,
            "ANTHROPIC_API_KEY": "sk-test-fake",
            "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
            "DISABLE_AUTOUPDATER": "1",
            "DISABLE_TELEMETRY": "1",
        }

    async def run(self, *words: str, version: str = CLAUDE_VERSION) -> tuple[int, str]:
        program = await asyncio.to_thread(claude_program, version)
        process = await asyncio.create_subprocess_exec(
            program,
            *words,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env=self.environment(),
            cwd=self.folder,
        )
        async with asyncio.timeout(120):
            out, _ = await process.communicate()
        assert process.returncode is not None
        return process.returncode, out.decode()


@pytest.fixture
def plugin(tmp_path: Path) -> Path:
    """The plugin's files, with a start script that uses this Python instead of making an environment."""
    copy = tmp_path / "plugin"
    for part in (".claude-plugin", "skills", "commands", "agents", "hooks"):
        shutil.copytree(ROOT / part, copy / part)
    start = copy / "bin" / "multifleet"
    start.parent.mkdir()
    start.write_text(f'#!/bin/sh\nPYTHONPATH={ROOT} exec {sys.executable} -m multifleet "$@"\n')
    start.chmod(0o755)
    return copy


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "home"
    made.mkdir()
    return made


@pytest.mark.parametrize("version", [CLAUDE_VERSION, EARLIER_CLAUDE])
async def test_the_plugin_validates_strictly(plugin: Path, folder: Path, version: str) -> None:
    client = Client(folder, "http://127.0.0.1:9")
    status, said = await client.run("plugin", "validate", "--strict", str(plugin), version=version)
    assert status == 0, said


@pytest.mark.parametrize(
    ("version", "was"),
    [(CLAUDE_VERSION, b'{\r\n\t"model":   "opus"}'), (EARLIER_CLAUDE, None)],
    ids=["with settings", "an earlier one without"],
)
async def test_it_installs_without_a_network_and_leaves_the_settings_as_they_were(
    plugin: Path, folder: Path, version: str, was: bytes | None
) -> None:
    environ = Client(folder, "http://127.0.0.1:9").environment()
    claude = Path(await asyncio.to_thread(claude_program, version))
    settings = folder / ".claude" / "settings.json"
    settings.parent.mkdir()
    (settings.parent / "CLAUDE.md").write_text("of their own\n")
    if was is not None:
        settings.write_bytes(was)
    hooks = hook_file("claude", ROOT, folder, settings.parent, environ)
    assert install(hooks, folder)
    await asyncio.to_thread(install_plugin, claude, plugin, settings.parent, folder, environ)
    assert "multifleet@multifleet-local" in settings.read_text()
    assert hooks_installed(settings.parent).how == "plugin"
    assert uninstall(hooks, folder)
    assert await asyncio.to_thread(uninstall_plugin, claude, settings.parent, folder, environ) == "restored"
    assert (settings.read_bytes() if settings.exists() else None) == was
    assert (settings.parent / "CLAUDE.md").read_text() == "of their own\n"
    left = [path for path in settings.parent.rglob("*") if "multifleet" in path.name]
    assert left == [] and not (folder / "hooks").exists()


async def test_a_bare_slash_command_and_its_tool_reach_the_daemon(plugin: Path, folder: Path) -> None:
    async with MockMessagesApi() as api, serving(folder, StandIn()):
        tool = "mcp__plugin_multifleet_fleet__fleet_status"
        api.when("Show the fleet as this node sees it", Answer(tools=((tool, {}),)), once=True)
        client = Client(folder, api.url)
        words = ["-p", "/fleet-status", "--plugin-dir", str(plugin), "--output-format", "stream-json", "--verbose"]
        status, said = await client.run(*words)
        assert status == 0, said
        begun = _event(said, "init")
        assert set(begun["slash_commands"]) >= {f"multifleet:{o.slash_command}" for o in OPERATIONS if o.slash}
        assert set(begun["agents"]) >= {"multifleet:fleet-coordinator", "multifleet:fleet-worker"}
        assert begun.get("plugin_errors", []) == []
        assert api.given("Show the fleet as this node sees it")
        assert api.given("127.0.0.1:8855"), "the tool's result did not come back"


@pytest.mark.parametrize("version", [CLAUDE_VERSION, EARLIER_CLAUDE])
async def test_a_command_is_expanded_by_its_whole_name_and_no_other_is_offered_to_the_model(
    plugin: Path, folder: Path, version: str
) -> None:
    async with MockMessagesApi() as api, serving(folder, StandIn()):
        words = ["-p", "/multifleet:fleet-inbox unread", "--plugin-dir", str(plugin)]
        status, said = await Client(folder, api.url).run(*words, version=version)
        assert status == 0, said
        assert api.given("List received messages, newest first") and api.given("What the user typed: unread")
        named = set(re.findall(r"multifleet:((?:fleet|using)-[a-z-]+)", json.dumps(api.requests)))
    assert named == {*for_models(), "fleet-coordinator", "fleet-worker", "fleet-inbox"}


def _event(said: str, subtype: str) -> dict[str, Any]:
    events = (json.loads(line) for line in said.splitlines() if line.startswith("{"))
    found: dict[str, Any] = next(event for event in events if event.get("subtype") == subtype)
    return found
