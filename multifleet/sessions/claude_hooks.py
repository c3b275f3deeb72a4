"""Tells whether Claude Code would run our hooks: as a plugin that is enabled, or as hooks in the user's
settings."""

import contextlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from multifleet.sessions.hook_clients import is_script, root_folder, words_of
from multifleet.sessions.own_files import NotOurs, read_own_file

PLUGIN = "multifleet"
EVENTS = ("SessionStart", "UserPromptSubmit", "Stop")
MAX_SETTINGS = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class HooksInstalled:
    """How the hooks are installed ("plugin", "settings" or None), and what to do when they are not, in one
    line."""

    how: str | None
    detail: str


def hooks_installed(config: Path) -> HooksInstalled:
    """Looks into the client's settings under this configuration folder; runs nothing."""
    settings = _object(config / "settings.json")
    if settings.get("disableAllHooks") is True:
        return HooksInstalled(None, f"no hook runs: take disableAllHooks out of {config / 'settings.json'}")
    enabled = _member(settings, "enabledPlugins")
    named = [key for key in enabled if key.partition("@")[0] == PLUGIN]
    if any(enabled[key] not in (False, None) for key in named):
        if _is_installed(config):
            return HooksInstalled("plugin", "the plugin is installed and enabled")
        return HooksInstalled(None, "the plugin is enabled but not installed: claude plugin install multifleet")
    events = [event for event in EVENTS if _runs_our_hook(_member(settings, "hooks").get(event))]
    if len(events) == len(EVENTS):
        return HooksInstalled("settings", "the hooks stand in the user's settings")
    if events:
        missing = ", ".join(event for event in EVENTS if event not in events)
        return HooksInstalled(None, f"the settings have only some of the hooks: {missing} missing")
    if named:
        return HooksInstalled(None, "the plugin is installed but not enabled: claude plugin enable multifleet")
    return HooksInstalled(None, "neither the plugin nor the hooks are installed for Claude Code")


def lets_all_in(config: Path) -> bool:
    """Whether the user has the client show messages to sessions that ask nobody, without asking the user either."""
    return _object(config / "settings.json").get("crossSessionInbound") == "accept"


def _is_installed(config: Path) -> bool:
    installed = _member(_object(config / "plugins" / "installed_plugins.json"), "plugins")
    return any(key.partition("@")[0] == PLUGIN for key in installed)


def _runs_our_hook(entries: Any) -> bool:
    for entry in entries if isinstance(entries, list) else []:
        hooks = entry.get("hooks") if isinstance(entry, dict) else None
        for hook in hooks if isinstance(hooks, list) else []:
            if any(PLUGIN in word or is_script(word, root_folder()) for word in words_of(hook)):
                return True
    return False


def _object(path: Path) -> dict[str, Any]:
    with contextlib.suppress(OSError, NotOurs, ValueError, RecursionError):
        found = json.loads(read_own_file(path.resolve(), MAX_SETTINGS))
        if isinstance(found, dict):
            return found
    return {}


def _member(object: dict[str, Any], key: str) -> dict[str, Any]:
    value = object.get(key)
    return value if isinstance(value, dict) else {}
