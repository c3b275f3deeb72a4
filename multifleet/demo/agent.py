"""The agent of the demo: a real Claude Code where there is one, whose model is a script on this machine.

It needs no account and sends nothing out: it runs in a home of its own against the built-in mock API. Where there is
no client, or it does not come up, the reason is told and the demo goes on without.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from multifleet.demo.fleet_node import FleetNode
from multifleet.sessions.claude_selftest import WORKER, claude_version, find_claude, isolated_client
from multifleet.sessions.mock_messages_api import Answer, MockMessagesApi

PATIENCE = 25.0
"""Seconds for the session to be there; the daemon tests a version it does not know, which takes some of them."""
LOOK = 0.1


@dataclass(frozen=True, slots=True)
class Agent:
    """What there is: `present`, with its name and version, or "none" and the reason."""

    present: bool
    what: str


@asynccontextmanager
async def agent_in(
    node: FleetNode, folder: Path, answer: str, environ: Mapping[str, str] = os.environ
) -> AsyncIterator[Agent]:
    """A session in a project folder of the node, idle at its prompt until a message wakes it; ended with the
    block."""
    binary = chosen_client(environ)
    version = await _version(binary) if binary else None
    if binary is None or version is None:
        yield Agent(False, "none: " + ("no claude on PATH" if binary is None else f"{binary} does not run here"))
        return
    async with AsyncExitStack() as stack:
        api = await stack.enter_async_context(MockMessagesApi(Answer(text=answer)))
        home = node.agent_config.parent
        node.agent_config.mkdir(mode=0o700, parents=True, exist_ok=True)
        await stack.enter_async_context(isolated_client(binary, WORKER, home, api.url, folder=folder))
        way = await _way_to(node, folder)
        if way == "socket":
            yield Agent(True, f"claude {version}")
        else:
            yield Agent(False, f"none: claude {version} " + (_ON_HOOKS if way else "showed no session in time"))


_ON_HOOKS = "takes messages by hooks only, which this demo does not install"


def chosen_client(environ: Mapping[str, str]) -> Path | None:
    """$CLAUDE_BIN, or the installed client."""
    chosen = environ.get("CLAUDE_BIN")
    return Path(chosen) if chosen else find_claude(environ)


async def _version(binary: Path) -> str | None:
    try:
        return await claude_version(binary)
    except OSError:
        return None


async def _way_to(node: FleetNode, folder: Path) -> str | None:
    """How messages reach the session, once the daemon knows; None if there is none in time."""
    try:
        async with asyncio.timeout(PATIENCE):
            while True:
                for session in (await node.ask("sessions", "--here"))["sessions"]:
                    if session["cwd"] == str(folder) and session["delivers_by"] != "testing":
                        return str(session["delivers_by"])
                await asyncio.sleep(LOOK)
    except TimeoutError:
        return None
