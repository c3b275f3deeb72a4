"""Prints the plugin's manifest and the local marketplace that offers it."""

import json
from typing import Any

from multifleet import __version__

DESCRIPTION = "Messages between agent sessions on several machines of yours, with receipts that are true."
AUTHOR = {"name": "multifleet contributors"}
MCP_SERVER = {"command": "${CLAUDE_PLUGIN_ROOT}/bin/multifleet", "args": ["mcp"]}
"""In the manifest and not in a .mcp.json, which a client would also take for that of this very project."""


def plugin() -> str:
    """The text of .claude-plugin/plugin.json; hooks, skills and bin/ are found by their places."""
    return _text(
        {
            "name": "multifleet",
            "displayName": "multifleet",
            "version": __version__,
            "description": DESCRIPTION,
            "author": AUTHOR,
            "license": "MIT",
            "keywords": ["agents", "messages", "fleet", "mcp"],
            "mcpServers": {"fleet": MCP_SERVER},
        }
    )


def marketplace() -> str:
    """The text of .claude-plugin/marketplace.json."""
    offered = {"name": "multifleet", "source": "./", "description": DESCRIPTION, "version": __version__}
    return _text(
        {
            "name": "multifleet-local",
            "owner": AUTHOR,
            "description": DESCRIPTION,
            "plugins": [offered | {"category": "productivity"}],
        }
    )


def _text(document: dict[str, Any]) -> str:
    return json.dumps(document, indent=2) + "\n"
