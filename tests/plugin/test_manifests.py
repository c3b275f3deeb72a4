"""The plugin's manifests."""

import json
import os
from pathlib import Path

from multifleet import __version__
from multifleet.plugin import manifests

ROOT = Path(__file__).resolve().parents[2]


def test_the_plugin_is_offered_by_the_local_marketplace() -> None:
    plugin, marketplace = json.loads(manifests.plugin()), json.loads(manifests.marketplace())
    [offered] = marketplace["plugins"]
    assert (offered["name"], offered["source"]) == (plugin["name"], "./")
    assert offered["version"] == plugin["version"] == __version__


def test_the_program_that_the_manifest_starts_is_there() -> None:
    [server] = json.loads(manifests.plugin())["mcpServers"].values()
    program = ROOT / server["command"].removeprefix("${CLAUDE_PLUGIN_ROOT}/")
    assert os.access(program, os.X_OK)
