"""Tells whether a client has our plugin already, which brings the hooks with it. Runs nothing."""

import tomllib
from pathlib import Path

from multifleet.sessions.claude_hooks import hooks_installed
from multifleet.sessions.own_files import NotOurs, read_own_file

NAME = "multifleet"
LIMIT = 4 * 1024 * 1024


def brought(client: str, folder: Path) -> bool:
    """Whether the plugin, or the extension, is installed and enabled in this folder of the client."""
    if client == "claude":
        return hooks_installed(folder).how == "plugin"
    if client == "codex":
        return _codex(folder)
    return (folder / "extensions" / NAME).is_dir()


def _codex(folder: Path) -> bool:
    try:
        config = tomllib.loads(read_own_file((folder / "config.toml").resolve(), LIMIT).decode())
    except (OSError, NotOurs, ValueError):
        return False
    plugins = config.get("plugins")
    if not isinstance(plugins, dict):
        return False
    return any(
        key.partition("@")[0] == NAME and isinstance(entry, dict) and entry.get("enabled") is True
        for key, entry in plugins.items()
    )
