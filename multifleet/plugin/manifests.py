"""Prints the manifests of all clients that take the plugin, from one list of facts.

Claude Code finds hooks, skills, commands, agents and bin/ by their places, and refuses them named twice. Codex reads a
manifest of its own, so that it never meets the hooks of Claude Code. Gemini CLI has its extension in a folder of its
own: its hooks lie at the same place under theirs, and an event that Claude Code does not know would cost that client
all hooks.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from multifleet import __version__
from multifleet.sessions.hook_table import HAND_OVER, SESSION_START, groups_for

NAME = "multifleet"
DESCRIPTION = "Messages between agent sessions on several machines of yours, with receipts that are true."
AUTHOR = {"name": "multifleet contributors"}
LICENSE = "MIT"
KEYWORDS = ["agents", "messages", "fleet", "mcp"]
SERVER = "fleet"

GEMINI = Path("gemini")
"""The folder of the Gemini extension."""

_HOOKS = Path(__file__).resolve().parents[2] / "hooks"

ABOUT_HOOKS = "Hands over messages that wait for a session."


def printed() -> Iterator[tuple[Path, str]]:
    """Every manifest, relative to the root, and its text."""
    yield Path(".claude-plugin/plugin.json"), plugin()
    yield Path(".claude-plugin/marketplace.json"), marketplace()
    yield Path(".codex-plugin/plugin.json"), codex()
    yield Path("hooks/codex.json"), hooks("codex", "${PLUGIN_ROOT}")
    yield Path("config/codex-config.toml.example"), codex_config()
    yield GEMINI / "gemini-extension.json", gemini()
    yield GEMINI / "hooks/hooks.json", hooks("gemini", "${extensionPath}")
    for script in (HAND_OVER, SESSION_START):
        yield GEMINI / "hooks" / script, (_HOOKS / script).read_text()
    yield Path(".cursor-plugin/plugin.json"), cursor()
    yield Path(".vscode/mcp.json.example"), vscode()


def plugin() -> str:
    """The text of .claude-plugin/plugin.json."""
    return _text(_common() | {"mcpServers": {SERVER: _server("${CLAUDE_PLUGIN_ROOT}/bin/multifleet")}})


def marketplace() -> str:
    """The text of .claude-plugin/marketplace.json, which Codex reads too."""
    offered = {"name": NAME, "source": "./", "description": DESCRIPTION, "version": __version__}
    return _text(
        {
            "name": f"{NAME}-local",
            "owner": AUTHOR,
            "description": DESCRIPTION,
            "plugins": [offered | {"category": "productivity"}],
        }
    )


def codex() -> str:
    """The text of .codex-plugin/plugin.json.

    Codex puts nothing in for variables, and starts programs in the plugin's folder. It has no commands, and offers
    every skill to the model.
    """
    server = {"command": "/bin/sh", "args": ["./bin/multifleet", "mcp"], "cwd": "."}
    return _text(
        {
            "name": NAME,
            "version": __version__,
            "description": DESCRIPTION,
            "author": AUTHOR,
            "license": LICENSE,
            "keywords": KEYWORDS,
            "skills": "./skills/",
            "hooks": "./hooks/codex.json",
            "mcpServers": {SERVER: server},
        }
    )


def codex_config() -> str:
    """The text of config/codex-config.toml.example, for who wants the tools in Codex without the plugin."""
    return (
        "# For ~/.codex/config.toml: the tools of multifleet in Codex.\n"
        "# Put bin/ of the clone on the PATH, or write the whole path.\n"
        f"[mcp_servers.{SERVER}]\n"
        f'command = "{NAME}"\n'
        'args = ["mcp"]\n'
        "# `codex exec` asks nobody, and refuses every tool that may change something unless it is allowed here.\n"
        'default_tools_approval_mode = "approve"\n'
    )


def gemini() -> str:
    """The text of gemini/gemini-extension.json; an extension is copied alone, so the program is found on the PATH."""
    return _text(
        {"name": NAME, "version": __version__, "description": DESCRIPTION, "mcpServers": {SERVER: _server(NAME)}}
    )


def cursor() -> str:
    """The text of .cursor-plugin/plugin.json."""
    return _text(_common() | {"skills": "./skills/", "commands": "./commands/", "mcpServers": {SERVER: _server(NAME)}})


def vscode() -> str:
    """The text of .vscode/mcp.json.example."""
    return _text({"servers": {SERVER: {"type": "stdio"} | _server(NAME)}})


def hooks(client: str, root: str) -> str:
    """The text of a client's file of hooks, for a plugin in this folder."""
    return _text({"description": ABOUT_HOOKS, "hooks": groups_for(client, root)})


def _common() -> dict[str, Any]:
    return {
        "name": NAME,
        "displayName": NAME,
        "version": __version__,
        "description": DESCRIPTION,
        "author": AUTHOR,
        "license": LICENSE,
        "keywords": KEYWORDS,
    }


def _server(program: str) -> dict[str, Any]:
    """In the manifest and not in a .mcp.json, which a client would also take for that of this very project."""
    return {"command": program, "args": ["mcp"]}


def _text(document: dict[str, Any]) -> str:
    return json.dumps(document, indent=2) + "\n"
