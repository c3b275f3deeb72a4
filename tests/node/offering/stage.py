"""Two nodes, the second with the real Claude Code at its side: what is sent on mac1 is read on mac2."""

import asyncio
import json
import shlex
import shutil
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from multifleet.node.node import Node
from multifleet.sessions.mock_messages_api import Answer, MockMessagesApi
from multifleet.store.rows import InboxRow
from tests.lab.client_install import CLAUDE_VERSION
from tests.node.fleet import Machine, Machines
from tests.node.offering.pretended import Pretended
from tests.sessions.real_claude import RealClaude
from tests.stand_in import serving

ROOT = Path(__file__).resolve().parents[3]
IDLE_WAKE = 1.0
"""Seconds for an idle session to take a message up, without those in which its client, or the node, was kept from a
processor."""


@dataclass
class Stage:
    """mac1 sends, mac2 has the sessions; all sessions share a home of their own."""

    folder: Path
    mac1: Machine
    mac2: Machine
    api: MockMessagesApi

    @property
    def node(self) -> Node:
        """The node beside the client."""
        return self.mac2.node

    def pretended(self, **changes: object) -> Pretended:
        """A session in the folder of a project that does what a test says."""
        return Pretended(self.folder / "home/.claude", self.folder / "home/project", **changes)

    def claude(
        self, project: str, *arguments: str, mode: str = "default", hooks: bool = False, version: str = CLAUDE_VERSION
    ) -> RealClaude:
        """A session in a project's folder, not started; with our plugin's hooks if wanted."""
        more = ["--plugin-dir", str(self._plugin())] if hooks else []
        home = self.folder / "home"
        home.mkdir(exist_ok=True)
        place = str(self.mac2.home)
        claude = RealClaude(self.api, home, *more, *arguments, mode=mode, version=version, MULTIFLEET_HOME=place)
        claude.folder = home / project
        return claude

    async def send(self, body: str, to: str = "mac2/project", **more: Any) -> str:
        """Sent by mac1; its id."""
        return (await self.mac1.node.sending.send(to, body, **more)).id

    async def states(self, id: str) -> list[str]:
        """What mac1 was told of a message so far."""
        return [event.state for event in (await self.mac1.node.messages.trace(id)).events]

    async def row(self, id: str) -> InboxRow:
        """The message on mac2."""
        row = await self.node.store.inbox.get("mac1", id)
        assert row is not None
        return row

    async def took_up(self, id: str, asked_at: float) -> float:
        """Seconds from when mac2 had a message until a client asked its model about it."""
        return asked_at - (await self.row(id)).stored_at

    async def received_by_mac1(self, count: int) -> list[InboxRow]:
        """What came to mac1, once it is so many."""
        async with asyncio.timeout(60.0):
            while len(received := await self.mac1.received()) < count:  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        return received

    async def talk(self, claude: RealClaude, text: str) -> None:
        """The user's own turn, from the prompt to its end."""
        self.api.when(text, Answer(text=f"heard {text}", delay=0.5), once=True)
        await claude.prompt(text)
        await claude.wait_screen(f"heard {text}")
        await claude.wait_status("idle")

    async def killed(self) -> None:
        """mac2's daemon ends here as by SIGKILL."""
        await self.mac2.kill()

    async def killed_and_started(self) -> None:
        """The same, and a new daemon takes the home."""
        await self.killed()
        await self.mac2.start()

    def times_shown(self, text: str) -> int:
        """How often a text stands in the conversation that holds it most often."""
        told = (json.dumps(body["messages"], ensure_ascii=False) for body in self.api.requests)
        return max((messages.count(text) for messages in told), default=0)

    def conversations_with(self, text: str) -> int:
        """How many conversations were given a text."""
        found = {_conversation(body) for body in self.api.requests if text in json.dumps(body["messages"])}
        return len(found)

    @asynccontextmanager
    async def served(self) -> AsyncIterator[None]:
        """mac2 answers the command line, which the hook of a session's start uses."""
        async with serving(self.mac2.home, self.node):  # type: ignore[arg-type]
            yield

    def _plugin(self) -> Path:
        """Our hooks, with a program that is this tree's command line."""
        root = self.folder / "plugin"
        if not root.exists():
            shutil.copytree(ROOT / "hooks", root / "hooks")
            shutil.copytree(ROOT / ".claude-plugin", root / ".claude-plugin")
            (root / "bin").mkdir()
            program = root / "bin/multifleet"
            start = f"PYTHONPATH={shlex.quote(str(ROOT))} exec {shlex.quote(sys.executable)} -m multifleet"
            program.write_text(f'#!/bin/sh\n{start} "$@"\n')
            program.chmod(0o755)
            (root / ".venv").mkdir()
            (root / ".venv/made-from").touch()
        return root


class Stop:
    """A place at which the daemon stands still, as if it had been stopped there, before or after an awaited call."""

    def __init__(self, action: Callable[..., Awaitable[Any]], *, after: bool, when: Callable[..., bool]) -> None:
        self._action = action
        self._after = after
        self._when = when
        self.reached = asyncio.Event()

    async def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if self.reached.is_set() or not self._when(*args, **kwargs):
            return await self._action(*args, **kwargs)
        if self._after:
            await self._action(*args, **kwargs)
        self.reached.set()
        return await asyncio.Event().wait()


def _conversation(body: dict[str, Any]) -> str:
    """The client's own name of a conversation."""
    user = str(body.get("metadata", {}).get("user_id", ""))
    return user.partition("session_id")[2] or user


@asynccontextmanager
async def stage_in(folder: Path, machines: Machines) -> AsyncIterator[Stage]:
    """Both nodes run."""
    mac1, mac2 = machines.add("mac1", "mac2")
    (folder / "home/project").mkdir(parents=True)
    home = folder / "home"
    named = {"claudeConfigDir": ".claude", "codexHome": ".codex", "qwenHome": ".qwen"}
    folders = {name: str(home / folder) for name, folder in named.items()}
    mac2.config = msgspec.structs.replace(mac2.config, **folders)
    await mac1.start()
    node = await mac2.start()
    (folder / "desk").mkdir()
    await mac1.node.seats.bind("desk", str(folder / "desk"), False)
    await node.seats.bind("project", str(folder / "home/project"), False)
    async with MockMessagesApi() as api:
        yield Stage(folder, mac1, mac2, api)
