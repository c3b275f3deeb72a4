"""Whether the hooks would run is read from the client's settings, whatever state these are in."""

import json
from pathlib import Path
from typing import Any

import pytest

from multifleet.node.checks.client import Clients, hooked
from multifleet.sessions.base import Found
from multifleet.sessions.claude_hooks import hooks_installed, lets_all_in

OURS = [{"hooks": [{"type": "command", "command": "/opt/multifleet/hooks/hand-over.sh"}]}]
THEIRS = [{"hooks": [{"type": "command", "command": "notify-send done"}]}]
ALL = {"SessionStart": OURS, "UserPromptSubmit": THEIRS + OURS, "Stop": OURS}
INSTALLED = {"plugins": {"multifleet@local": [{"scope": "user"}]}}


@pytest.mark.parametrize(
    ("settings", "plugins", "how", "says"),
    [
        ({"enabledPlugins": {"multifleet@local": True}}, INSTALLED, "plugin", "enabled"),
        ({"enabledPlugins": {"multifleet@local": True}}, None, None, "not installed"),
        ({"enabledPlugins": {"multifleet@local": False}}, INSTALLED, None, "not enabled"),
        ({"enabledPlugins": {"multifleet-like@local": True}}, None, None, "neither"),
        ({"hooks": ALL}, None, "settings", "settings"),
        ({"hooks": ALL, "disableAllHooks": True}, None, None, "take disableAllHooks out"),
        ({"hooks": ALL, "disableAllHooks": False}, None, "settings", "settings"),
        ({"hooks": {"Stop": OURS}}, None, None, "SessionStart, UserPromptSubmit missing"),
        ({"hooks": {"Stop": THEIRS, "SessionStart": "x", "UserPromptSubmit": [3]}}, None, None, "neither"),
        (None, None, None, "neither"),
        ([], None, None, "neither"),
        ({"enabledPlugins": ["multifleet@local"], "hooks": []}, None, None, "neither"),
    ],
)
def test_how_the_hooks_are_installed(tmp_path: Path, settings: Any, plugins: Any, how: str | None, says: str) -> None:
    if settings is not None:
        (tmp_path / "settings.json").write_text(json.dumps(settings))
    if plugins is not None:
        (tmp_path / "plugins").mkdir()
        (tmp_path / "plugins/installed_plugins.json").write_text(json.dumps(plugins))
    found = hooks_installed(tmp_path)
    assert found.how == how and says in found.detail


@pytest.mark.parametrize(
    ("settings", "lets"),
    [(None, False), ({}, False), ({"crossSessionInbound": "hold"}, False), ({"crossSessionInbound": "accept"}, True)],
)
def test_whether_the_user_lets_messages_in_unseen_is_told_by_doctor(tmp_path: Path, settings: Any, lets: bool) -> None:
    (tmp_path / "settings.json").write_text(json.dumps({"hooks": ALL} | (settings or {})))
    assert lets_all_in(tmp_path) is lets
    said = hooked(tmp_path, Clients(tmp_path / "claude", "2.1.329", Found((), ()), {}))
    assert said.remedy is None and ("without your being asked" in said.says) is lets


def test_settings_that_are_no_json_are_as_none(tmp_path: Path) -> None:
    (tmp_path / "settings.json").write_text("{")
    assert hooks_installed(tmp_path).how is None
