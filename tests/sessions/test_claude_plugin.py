"""The plugin comes and goes by the client's own commands; the settings are its user's, byte for byte."""

import json
import shutil
import sys
from pathlib import Path

import pytest

from multifleet.errors import BadInput
from multifleet.sessions.claude_plugin import install_plugin, uninstall_plugin

CLIENT = """
import json, pathlib, shutil, sys
home = pathlib.Path(sys.argv[1])
if (home / "broken").exists():
    sys.exit("some words\\nno network")
settings, copy = home / ".claude/settings.json", home / ".claude/plugins/cache/multifleet-local/multifleet"
found = json.loads(settings.read_text() or "{}") if settings.exists() else {}
act = sys.argv[3:]
known, enabled = found.setdefault("extraKnownMarketplaces", {}), found.setdefault("enabledPlugins", {})
if act[:2] == ["marketplace", "add"]:
    known["multifleet-local"] = {"source": {"source": "directory", "path": act[2]}}
elif act[0] == "install":
    enabled[act[1]] = True
    copy.mkdir(parents=True, exist_ok=True)
elif act[0] == "uninstall":
    del enabled[act[1]]
else:
    del known[act[2]]
settings.parent.mkdir(exist_ok=True)
settings.write_text(json.dumps(found, indent=2) + "\\n")
"""
"""What the real client does to its settings: it writes all of them anew."""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path


@pytest.fixture
def claude(home: Path) -> Path:
    (home / "client.py").write_text(CLIENT)
    script = home / "claude"
    script.write_text(f'#!/bin/sh\nexec "{sys.executable}" -I "{home}/client.py" "{home}" "$@"\n')
    script.chmod(0o755)
    return script


@pytest.mark.parametrize(
    "content",
    [
        None,
        b"{}",
        b'{"model":   "opus"}',
        b'{"enabledPlugins": { }, "a": 1}',
        b'{"enabledPlugins": {"theirs@x": true}}\r\n',
    ],
)
@pytest.mark.parametrize("changed", [False, True])
def test_the_settings_come_back_with_what_was_changed_since(
    home: Path, claude: Path, content: bytes | None, changed: bool
) -> None:
    config = home / ".claude"
    settings = config / "settings.json"
    config.mkdir()
    if content is not None:
        settings.write_bytes(content)
    install_plugin(claude, home, config, home, {})
    install_plugin(claude, home, config, home, {})
    installed = json.loads(settings.read_text())
    assert installed["enabledPlugins"]["multifleet@multifleet-local"] is True
    if changed:
        settings.write_text(json.dumps(installed | {"model": "haiku"}))
    assert uninstall_plugin(claude, config, home, {}) == "restored"
    assert not (config / "plugins/cache/multifleet-local").exists()
    if changed:
        assert json.loads(settings.read_bytes()) == json.loads(content or b"{}") | {"model": "haiku"}
    else:
        assert (settings.read_bytes() if settings.exists() else None) == content
    assert not (home / "hooks").exists()
    assert uninstall_plugin(claude, config, home, {}) == "none"


def test_what_the_client_complains_of_is_told_and_the_way_back_is_known(home: Path, claude: Path) -> None:
    config = home / ".claude"
    (home / "broken").touch()
    with pytest.raises(BadInput, match=r"marketplace add .* failed: no network"):
        install_plugin(claude, home, config, home, {})
    (home / "broken").unlink()
    install_plugin(claude, home, config, home, {})
    (home / "broken").touch()
    with pytest.raises(BadInput, match="no network"):
        uninstall_plugin(claude, config, home, {})
    (home / "broken").unlink()
    assert uninstall_plugin(claude, config, home, {}) == "restored" and not (config / "settings.json").exists()


def test_where_it_is_not_known_how_they_were_the_settings_stay_as_the_client_leaves_them(
    home: Path, claude: Path
) -> None:
    config = home / ".claude"
    install_plugin(claude, home, config, home, {})
    shutil.rmtree(home / "hooks")
    assert uninstall_plugin(claude, config, home, {}) == "removed"
    assert json.loads((config / "settings.json").read_text()) == {"enabledPlugins": {}, "extraKnownMarketplaces": {}}


def test_settings_that_cannot_be_understood_are_not_put_at_risk(home: Path, claude: Path) -> None:
    config = home / ".claude"
    config.mkdir()
    (config / "settings.json").write_text("{")
    with pytest.raises(BadInput, match="nothing was changed"):
        install_plugin(claude, home, config, home, {})
    assert (config / "settings.json").read_text() == "{"


def test_a_client_that_is_gone_is_named(home: Path) -> None:
    with pytest.raises(BadInput, match="cannot be run"):
        install_plugin(home / "none", home, home / ".claude", home, {})
