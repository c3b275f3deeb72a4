"""A real, unmodified Gemini CLI in a home of its own, with our hooks, against a scripted API on loopback."""

import json
from pathlib import Path
from typing import Any, Self

from multifleet.sessions.hook_table import groups_for
from tests.lab.client_install import program
from tests.lab.mock_gemini import MockGemini
from tests.sessions.client_process import output_of, variables_for
from tests.sessions.plugin_folder import plugin_in
from tests.sessions.terminal import Terminal

EMPTY = "Type your message"
"""What stands in its prompt when nothing does."""


class RealGemini:
    """`ask` runs one `gemini -p` in the folder; `async with` is a session at a terminal, at its prompt."""

    def __init__(self, api: MockGemini, home: Path, multifleet: Path, folder: Path) -> None:
        self.api = api
        self.home = home
        self.folder = folder
        self.multifleet = multifleet
        self.terminal = Terminal()

    async def __aenter__(self) -> Self:
        self.prepare()
        await self.terminal.start((program("gemini"), "-m", "gemini-2.5-pro"), self.folder, self.variables())
        try:
            await self.terminal.wait_screen(EMPTY)
        except BaseException:
            await self.terminal.end()
            raise
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.terminal.end()

    def prepare(self) -> None:
        """A home in which nothing is asked, and our hooks for the user."""
        (self.home / ".gemini").mkdir(parents=True, exist_ok=True)
        self.folder.mkdir(parents=True, exist_ok=True)
        settings: dict[str, Any] = {
            "security": {"auth": {"selectedType": "gemini-api-key"}},
            "privacy": {"usageStatisticsEnabled": False},
            "general": {"enableAutoUpdate": False},
            "telemetry": {"enabled": False},
            "hooks": groups_for("gemini", str(plugin_in(self.home))),
        }
        (self.home / ".gemini/settings.json").write_text(json.dumps(settings))

    def variables(self) -> dict[str, str]:
        """All that the client is given."""
        return variables_for(
            self.home,
            self.multifleet,
            GEMINI_API_KEY="fake",
            GOOGLE_GEMINI_BASE_URL=self.api.url,
            GEMINI_CLI_TRUST_WORKSPACE="true",
        )

    async def ask(self, prompt: str) -> str:
        """The model's answer."""
        self.prepare()
        command = [program("gemini"), "-m", "gemini-2.5-pro", "-p", prompt, "--approval-mode", "yolo", "-o", "json"]
        text = await output_of(*command, folder=self.folder, variables=self.variables())
        return str(json.loads(text[text.index("{") :])["response"])
