"""`hooks`: what the commands say, and their exit status."""

import asyncio
import json
from pathlib import Path

import pytest

from tests.surfaces import ROOT, Ran, run_cli


@pytest.fixture
def home(tmp_path: Path) -> Path:
    made = tmp_path / ".multifleet"
    made.mkdir(mode=0o700)
    return made


async def run(home: Path, *words: str) -> Ran:
    return await run_cli(home, "hooks", *words, HOME=str(home.parent), CLAUDE_CONFIG_DIR="")


async def test_the_hooks_come_into_the_settings_and_go_again(home: Path) -> None:
    settings = home.parent / ".claude/settings.json"
    settings.parent.mkdir()
    settings.write_text('{"model": "opus"}')
    absent = await run(home, "status")
    assert (absent.status, "multifleet hooks install" in absent.out) == (1, True)
    installed = await run(home, "install", "--client", "claude", "--json")
    assert (installed.status, installed.json["hooks"], installed.json["path"]) == (0, "all", str(settings))
    assert (await run(home, "status")).status == 0
    assert "already" in (await run(home, "install")).out
    assert (await run(home, "uninstall")).status == 0
    assert settings.read_text() == '{"model": "opus"}'
    assert "nothing was changed" in (await run(home, "uninstall")).out


@pytest.mark.parametrize("client", ["claude", "codex"])
async def test_hooks_for_a_client_that_is_not_there_are_put_in_and_that_is_told(home: Path, client: str) -> None:
    words = ("install", "--client", client)
    for _ in range(2):
        ran = await run_cli(home, "hooks", *words, HOME=str(home.parent), CLAUDE_CONFIG_DIR="", PATH="/nonexistent")
        assert ran.status == 0 and f"no {client} is found on this machine's PATH" in ran.out


async def test_several_at_once_leave_what_was_there(home: Path) -> None:
    settings = home.parent / ".claude/settings.json"
    settings.parent.mkdir()
    settings.write_bytes(was := b'{\r\n\t"model": "opus"}')
    for act in ("install", "uninstall"):
        ran = await asyncio.gather(*(run(home, act, "--client", client) for client in ("claude", "claude", "qwen")))
        assert [one.status for one in ran] == [0, 0, 0], [one.err for one in ran]
    assert settings.read_bytes() == was and not (home / "hooks").exists()


async def test_where_the_plugin_brings_the_hooks_they_are_not_installed_twice(home: Path) -> None:
    config = home.parent / ".claude"
    (config / "plugins").mkdir(parents=True)
    (config / "settings.json").write_text(json.dumps({"enabledPlugins": {"multifleet@multifleet-local": True}}))
    (config / "plugins/installed_plugins.json").write_text(json.dumps({"plugins": {"multifleet@multifleet-local": []}}))
    refused = await run(home, "install")
    assert (refused.status, "the plugin" in refused.err) == (1, True)
    told = await run(home, "status", "--json")
    assert (told.status, told.json["hooks"]) == (0, "plugin")


async def test_hooks_that_are_switched_off_are_told(home: Path) -> None:
    await run(home, "install")
    settings = home.parent / ".claude/settings.json"
    settings.write_text(json.dumps({"disableAllHooks": True} | json.loads(settings.read_text())))
    assert "disableAllHooks" in (await run(home, "status")).out


async def test_without_a_node_nothing_is_installed(tmp_path: Path) -> None:
    ran = await run_cli(tmp_path / "none", "hooks", "install", HOME=str(tmp_path), cwd=tmp_path)
    assert (ran.status, "multifleet init" in ran.err) == (1, True)
    assert not (tmp_path / ".claude").exists()


@pytest.mark.parametrize("text", ['{\n  "a": 1,\n}', '{\n  "a": 1 // one\n}'])
async def test_what_the_client_would_not_read_gets_no_hooks(home: Path, text: str) -> None:
    settings = home.parent / ".claude/settings.json"
    settings.parent.mkdir()
    settings.write_text(text)
    ran = await run(home, "install")
    assert ran.status == 1 and "is not plain JSON" in ran.err and "line " in ran.err
    assert settings.read_text() == text


async def test_settings_that_cannot_be_read_are_told_in_one_line(home: Path) -> None:
    (home.parent / ".claude").mkdir()
    (home.parent / ".claude/settings.json").write_text('{\n  "a" 1}')
    ran = await run(home, "install")
    assert ran.status == 1 and "settings.json, line 2: a colon is missing" in ran.err and ran.err.count("\n") == 1


async def test_without_a_client_no_plugin_is_installed(home: Path) -> None:
    ran = await run_cli(home, "plugin", "install", HOME=str(home.parent), PATH="/nonexistent")
    assert (ran.status, "no Claude Code" in ran.err) == (1, True)


async def test_without_a_client_an_uninstall_is_done_where_no_plugin_is_and_says_what_it_lacks_where_one_is(
    home: Path,
) -> None:
    ran = await run_cli(home, "plugin", "uninstall", HOME=str(home.parent), PATH="/nonexistent")
    assert (ran.status, ran.out) == (0, "the plugin is not installed: nothing was done\n")
    settings = home.parent / ".claude/settings.json"
    settings.parent.mkdir(exist_ok=True)
    settings.write_bytes(was := b'{"enabledPlugins": {"multifleet@multifleet-local": true}}')
    ran = await run_cli(home, "plugin", "uninstall", HOME=str(home.parent), PATH="/nonexistent")
    assert (ran.status, "put `claude` there and do it again" in ran.err) == (1, True)
    assert settings.read_bytes() == was


async def test_the_plugin_comes_and_goes_by_a_command(home: Path) -> None:
    client = home.parent / ".local/bin/claude"
    client.parent.mkdir(parents=True)
    client.write_text(
        f'#!/bin/sh\necho "$@" >> {home}/asked\n[ "$2" != install ] || echo broken >&2\n[ "$2" != install ]\n'
    )
    client.chmod(0o755)
    variables = {"HOME": str(home.parent), "PATH": "/usr/bin:/bin", "CLAUDE_CONFIG_DIR": ""}
    failed = await run_cli(home, "plugin", "install", **variables)
    assert (failed.status, "failed: broken" in failed.err) == (1, True)
    assert (home / "asked").read_text().splitlines() == [
        f"plugin marketplace add {ROOT}",
        "plugin install multifleet@multifleet-local",
    ]
    gone = await run_cli(home, "plugin", "uninstall", "--json", **variables)
    assert (gone.status, "nothing was done" in gone.json["detail"]) == (0, True)
