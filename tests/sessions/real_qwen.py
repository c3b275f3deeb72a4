"""A real, unmodified Qwen Code in a home of its own, with our hooks, against a scripted API on loopback."""

import asyncio
import json
import os
from pathlib import Path
from typing import Any

from multifleet.sessions.hook_table import groups_for
from tests.lab.client_install import program
from tests.lab.mock_openai import MockOpenAI
from tests.sessions.plugin_folder import plugin_in


class RealQwen:
    """`ask` runs one `qwen -p` in the folder."""

    def __init__(self, api: MockOpenAI, home: Path, multifleet: Path, folder: Path) -> None:
        self.api = api
        self.home = home
        self.folder = folder
        self.multifleet = multifleet

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
            "hooks": groups_for("qwen", str(plugin_in(self.home))),
        }
        (self.home / ".qwen/settings.json").write_text(json.dumps(settings))

    def variables(self) -> dict[str, str]:
        """All that the client is given."""
        return {
            "HOME": str(self.home),
            "PATH": os.environ["PATH"],
            "TERM": "xterm-256color",
            "LANG": "C.UTF-8",
            "OPENAI_API_KEY": "fake",
            "OPENAI_BASE_URL": f"{self.api.url}/v1",
            "OPENAI_MODEL": "mock-model",
            "MULTIFLEET_HOME": str(self.multifleet),
            "HTTPS_PROXY": "http://127.0.0.1:9",
            "NO_PROXY": "127.0.0.1",
        }

    async def ask(self, prompt: str, *words: str) -> str:
        """The model's answer."""
        self.prepare()
        process = await asyncio.create_subprocess_exec(
            *(program("qwen"), *words, "-p", prompt),
            cwd=self.folder,
            env=self.variables(),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        output, said = await process.communicate()
        assert process.returncode == 0, said.decode()
        return output.decode().strip()
