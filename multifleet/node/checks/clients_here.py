"""Gathers what the checks of hooks and client look at: the installed client, its live sessions, its self-tests."""

import asyncio
import os
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from multifleet.config import load
from multifleet.errors import ConfigError, StoreDamaged, StoreUnavailable
from multifleet.node.checks.client import Clients
from multifleet.node.checks.patience import aside
from multifleet.node.native.serving import KEY as NATIVE_KEY
from multifleet.node.offering.clients import KEY, Verdict
from multifleet.sessions.claude_install import installed_version
from multifleet.sessions.claude_registry import CLIENT, ClaudeRegistry, config_dir
from multifleet.sessions.claude_selftest import claude_version, find_claude
from multifleet.sessions.qwen_registry import CLIENT as QWEN
from multifleet.store.inspection import STORE, read_contents

if TYPE_CHECKING:
    from multifleet.node.node import Node

ANSWER_SECONDS = 0.8
"""For a client that must be run to say its version."""


async def clients_of(node: "Node", *, test: bool) -> Clients:
    """As the daemon sees them; `test` runs the self-test of the installed client first, which takes seconds."""
    binary = await aside(lambda: find_claude(os.environ))
    if test and binary is not None:
        await node.offering.clients.test(binary)
    found = await node.offering.live.find()
    verdicts, native = node.offering.clients.verdicts, node.native.serving.verdicts(CLIENT)
    return Clients(binary, await _version(binary), found, verdicts, native, node.native.serving.verdicts(QWEN))


def clients_outside(home: Path) -> Clients:
    """As a command sees them where no daemon runs. Blocks."""
    binary = find_claude(os.environ)
    found = ClaudeRegistry(config_folder(home)).find()
    return Clients(binary, asyncio.run(_version(binary)), found, _verdicts(home, KEY), _verdicts(home, NATIVE_KEY))


def config_folder(home: Path) -> Path:
    """Where the client keeps its files, as the home's configuration or the environment says."""
    try:
        chosen = load(home).claudeConfigDir
    except ConfigError:
        chosen = None  # the check of the configuration says so
    return Path(chosen).expanduser() if chosen else config_dir(os.environ)


async def _version(binary: Path | None) -> str | None:
    if binary is None:
        return None
    known = await aside(lambda: installed_version(binary))
    if known is not None:
        return known
    try:
        return await claude_version(binary, ANSWER_SECONDS)
    except OSError:
        return None


def _verdicts(home: Path, start: str) -> dict[str, Verdict]:
    if not (home / STORE).exists():
        return {}
    try:
        meta = read_contents(home / STORE).meta
    except (StoreUnavailable, StoreDamaged):
        return {}  # the check of the store says so
    kept = [msgspec.json.decode(value, type=Verdict) for key, value in meta.items() if key.startswith(start)]
    return {verdict.version: verdict for verdict in kept}
