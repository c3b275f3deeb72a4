"""A real, unmodified Qwen Code in a home of its own, with our hooks, against a scripted API on loopback."""

import contextlib
import json
import os
import signal
from pathlib import Path
from typing import Any, Self

from multifleet.sessions.base import Session
from multifleet.sessions.hook_table import groups_for
from multifleet.sessions.qwen_registry import QwenRegistry
from tests.lab.client_install import program
from tests.lab.mock_openai import MockOpenAI
from tests.sessions.client_process import output_of, variables_for
from tests.sessions.plugin_folder import plugin_in
from tests.sessions.real_claude import until
from tests.sessions.terminal import Terminal


class RealQwen:
    """`ask` runs one `qwen -p` in the folder; `async with` is a session at a terminal."""

    def __init__(
        self, api: MockOpenAI, home: Path, multifleet: Path, folder: Path, *, mode: str = "default", **agents: str
    ) -> None:
        """`agents`: settings under that name."""
        self.api = api
        self.home = home
        self.folder = folder
        self.multifleet = multifleet
        self.terminal = Terminal()
        self.registry = QwenRegistry(home / ".qwen")
        self.has_hooks = True
        self.allowed: tuple[str, ...] = ()
        """Tools of which the user is not asked."""
        self.settings: dict[str, Any] = {}
        """Others of its user."""
        self._mode = mode
        self._agents = agents
        self._pid = 0

    def prepare(self) -> None:
        """A home in which nothing is asked, and our hooks for the user."""
        (self.home / ".qwen").mkdir(parents=True, exist_ok=True)
        self.folder.mkdir(parents=True, exist_ok=True)
        settings: dict[str, Any] = {
            "security": {"auth": {"selectedType": "openai"}},
            "privacy": {"usageStatisticsEnabled": False},
            "general": {"enableAutoUpdate": False},
            "telemetry": {"enabled": False},
            "$version": 4,
            "agents": self._agents,
            "permissions": {"allow": list(self.allowed)},
            **self.settings,
        }
        if self.has_hooks:
            settings["hooks"] = groups_for("qwen", str(plugin_in(self.home)))
        (self.home / ".qwen/settings.json").write_text(json.dumps(settings))

    def variables(self) -> dict[str, str]:
        """All that the client is given."""
        return variables_for(
            self.home,
            self.multifleet,
            PATH=os.environ["PATH"],
            OPENAI_API_KEY="fake",
            OPENAI_BASE_URL=f"{self.api.url}/v1",
            OPENAI_MODEL="mock-model",
        )

    async def ask(self, prompt: str, *words: str) -> str:
        """The model's answer."""
        self.prepare()
        command = [program("qwen"), *words, "-p", prompt]
        return (await output_of(*command, folder=self.folder, variables=self.variables())).strip()

    async def __aenter__(self) -> Self:
        self.prepare()
        command = [program("qwen"), "--approval-mode", self._mode]
        self._pid = await self.terminal.start(command, self.folder, self.variables())
        try:
            await self.terminal.wait_screen("Type your message", 90.0)
            await self.session()
        except BaseException:
            await self.terminal.end()
            raise
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.terminal.end()

    async def session(self) -> Session:
        """The session, once it can be written to."""

        def found() -> Session | None:
            return next((one for one in self.registry.find().sessions if one.socket is not None), None)

        registered: Session = await until(found, 60.0, what="a session")
        return registered

    async def kill(self) -> None:
        """End it as by SIGKILL, with the program that it was started by."""
        for pid in {self._pid, (await self.session()).pid}:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
