"""The manifests of all clients: one source, only what each client knows, and nothing named that is not there."""

import json
import os
import re
import shlex
import tomllib
from pathlib import Path
from typing import Any

import pytest

from multifleet import __version__
from multifleet.plugin import manifests
from multifleet.sessions.hook_table import FORMS
from scripts import build_manifests

ROOT = Path(__file__).resolve().parents[2]
PRINTED = {str(path): text for path, text in manifests.printed()}

CURSOR_KEYS = set(
    "name displayName version description author publisher homepage repository license logo keywords".split()
)
CURSOR_KEYS |= set("category tags commands agents skills rules hooks variables mcpServers minClientVersions".split())
"""All that its schema allows."""
EVENTS = {
    "codex": set(
        "SessionStart SessionEnd UserPromptSubmit PreToolUse PostToolUse Stop SubagentStart SubagentStop".split()
    )
    | {"PermissionRequest", "PreCompact", "PostCompact"},
    "gemini": set("SessionStart SessionEnd BeforeAgent AfterAgent BeforeModel AfterModel BeforeToolSelection".split())
    | {"BeforeTool", "AfterTool", "PreCompress", "Notification"},
}


def of(path: str) -> Any:
    return json.loads(PRINTED[path])


def test_the_plugin_is_offered_by_the_local_marketplace() -> None:
    plugin, marketplace = of(".claude-plugin/plugin.json"), of(".claude-plugin/marketplace.json")
    [offered] = marketplace["plugins"]
    assert (offered["name"], offered["source"]) == (plugin["name"], "./")
    assert offered["version"] == plugin["version"] == __version__


@pytest.mark.parametrize("path", [path for path in PRINTED if path.endswith(("plugin.json", "extension.json"))])
def test_all_clients_are_told_the_same_facts(path: str) -> None:
    manifest = of(path)
    assert (manifest["name"], manifest["version"], manifest["description"]) == (
        manifests.NAME,
        __version__,
        manifests.DESCRIPTION,
    )
    assert list(manifest["mcpServers"]) == ["fleet"], "the names of the tools come from it"


def test_the_program_that_a_plugin_starts_is_there() -> None:
    [claude] = of(".claude-plugin/plugin.json")["mcpServers"].values()
    [codex] = of(".codex-plugin/plugin.json")["mcpServers"].values()
    assert "${" not in json.dumps(codex), "this client puts nothing in for it"
    for program in (claude["command"].removeprefix("${CLAUDE_PLUGIN_ROOT}/"), codex["args"][0]):
        assert os.access(ROOT / program, os.X_OK)
    for path in (".cursor-plugin/plugin.json", "gemini/gemini-extension.json"):
        assert of(path)["mcpServers"]["fleet"] == {"command": "multifleet", "args": ["mcp"]}


def test_what_a_manifest_names_is_there() -> None:
    for path in (".codex-plugin/plugin.json", ".cursor-plugin/plugin.json"):
        named = re.findall(r'"(\./[^"]+)"', PRINTED[path])
        assert named
        for place in named:
            assert (ROOT / place).exists(), place


def test_cursor_is_told_nothing_that_its_schema_forbids() -> None:
    plugin = of(".cursor-plugin/plugin.json")
    assert set(plugin) <= CURSOR_KEYS and set(plugin["author"]) <= {"name", "email"}


def test_the_example_for_vs_code_has_the_form_of_its_file() -> None:
    assert of(".vscode/mcp.json.example") == {
        "servers": {"fleet": {"type": "stdio", "command": "multifleet", "args": ["mcp"]}}
    }


def test_the_example_for_codex_is_a_table_that_lets_its_tools_run_unasked() -> None:
    [server] = tomllib.loads(PRINTED["config/codex-config.toml.example"])["mcp_servers"].values()
    assert server == {"command": "multifleet", "args": ["mcp"], "default_tools_approval_mode": "approve"}


@pytest.mark.parametrize(
    ("path", "client", "folder"),
    [("hooks/codex.json", "codex", ROOT), ("gemini/hooks/hooks.json", "gemini", ROOT / "gemini")],
)
def test_the_hooks_are_events_of_the_client_and_programs_that_are_there(path: str, client: str, folder: Path) -> None:
    hooks = of(path)["hooks"]
    assert set(hooks) <= EVENTS[client]
    for event, [group] in hooks.items():
        [hook] = group["hooks"]
        _, script, first, *rest = shlex.split(re.sub(r"\$\{\w+\}", str(folder), hook["command"]))
        assert Path(script).is_file() and rest == [client] and first in (event, str(folder))
        assert hook["type"] == "command" and hook["timeout"] / FORMS[client].unit in (2, 3)


def test_an_extension_that_is_copied_alone_brings_its_programs_along() -> None:
    for script in ("hand-over.sh", "session-start.sh"):
        assert (ROOT / "gemini/hooks" / script).read_text() == (ROOT / "hooks" / script).read_text()


def test_the_script_says_what_is_out_of_date(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert build_manifests.main(["--check"]) == 0
    monkeypatch.setattr(manifests, "DESCRIPTION", "Another one.")
    assert build_manifests.main(["--check"]) == 1
    assert ".codex-plugin/plugin.json: out of date, run scripts/build_manifests.py" in capsys.readouterr().out
