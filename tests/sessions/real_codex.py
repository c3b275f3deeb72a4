"""A real, unmodified Codex in a home of its own, with our hooks, against a scripted API on loopback."""

import asyncio
import contextlib
import json
import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

from multifleet.sessions.base import Session
from multifleet.sessions.codex_threads import CodexThreads
from tests.lab.client_install import program
from tests.lab.mock_openai import MockOpenAI
from tests.sessions.client_process import output_of, variables_for
from tests.sessions.plugin_folder import ROOT, plugin_in
from tests.sessions.real_claude import until
from tests.sessions.terminal import Terminal

CONFIG = """
model = "mock-model"
model_provider = "mock"
check_for_update_on_startup = false
[model_providers.mock]
name = "mock"
base_url = "{url}/v1"
wire_api = "responses"
env_key = "MOCK_KEY"
[analytics]
enabled = false
[projects."{folder}"]
trust_level = "trusted"
"""


class RealCodex(Terminal):
    """`ask` runs `codex exec`; `async with` is a session at a terminal whose user has just trusted the hooks."""

    def __init__(self, api: MockOpenAI, home: Path, multifleet: Path, folder: Path) -> None:
        super().__init__()
        self.api = api
        self.home = home
        self.folder = folder
        self.multifleet = multifleet
        self.threads = CodexThreads(home / ".codex")
        self.options: tuple[str, ...] = ()
        """Of the session at a terminal."""

    def prepare(self) -> None:
        """A home in which nothing is asked, and our hooks for the user."""
        (self.home / ".codex").mkdir(parents=True, exist_ok=True)
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.home / ".codex/config.toml").write_text(CONFIG.format(url=self.api.url, folder=self.folder))
        hooks = (ROOT / "hooks/codex.json").read_text().replace("${PLUGIN_ROOT}", str(plugin_in(self.home)))
        (self.home / ".codex/hooks.json").write_text(hooks)

    def variables(self) -> dict[str, str]:
        """All that the client is given."""
        return variables_for(self.home, self.multifleet, CODEX_HOME=str(self.home / ".codex"), MOCK_KEY="fake")

    def tools(self) -> list[str]:
        """Options of `ask` that give it our tools, all of them without a question."""
        server = {
            "command": str(self.home / "plugin/bin/multifleet"),
            "args": ["mcp"],
            "default_tools_approval_mode": "approve",
            "env.MULTIFLEET_HOME": str(self.multifleet),
        }
        settings = [f"mcp_servers.fleet.{key}={json.dumps(value)}" for key, value in server.items()]
        return [word for setting in settings for word in ("-c", setting)]

    async def ask(self, prompt: str, *arguments: str) -> list[dict[str, Any]]:
        """One `codex exec` in the folder; its events."""
        self.prepare()
        flags = ["--json", "--skip-git-repo-check", "--dangerously-bypass-hook-trust"]
        command = [program("codex"), "exec", *flags, *arguments, prompt]
        output = await output_of(*command, folder=self.folder, variables=self.variables())
        return [json.loads(line) for line in output.splitlines()]

    async def __aenter__(self) -> Self:
        self.prepare()
        await self.start([program("codex"), *self.options], self.folder, self.variables())
        try:
            await self.wait_screen("Trust all")
            await self._press("2", lambda screen: "› 2. Trust all" in screen)
            await self._press("Enter", lambda screen: "Trust all" not in screen)
            await self.wait_screen("› Ask Codex")
        except BaseException:
            await self.end()
            raise
        return self

    async def _press(self, key: str, done: Callable[[str], bool]) -> None:
        """Until it is done: a dialog takes no key in its first moment."""
        async with asyncio.timeout(60.0):
            while not done(await self.screen()):
                await self.press(key)
                await asyncio.sleep(0.3)

    async def __aexit__(self, *exc: object) -> None:
        await self.end()

    async def end(self) -> None:
        """End the client, its daemon and its terminal."""
        pid = int((await self.tmux("list-panes", "-t", "s", "-F", "#{pane_pid}")).strip() or 0)
        if pid:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)
        await super().end()
        for pid in self._daemons():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        shutil.rmtree(self.home / ".codex/packages", ignore_errors=True)  # hundreds of megabytes

    def _daemons(self) -> list[int]:
        """The client's own daemon and what keeps it up to date: they outlive the terminal."""
        packages = str(self.home / ".codex/packages")
        found = []
        for path in Path("/proc").glob("[0-9]*/exe"):
            with contextlib.suppress(OSError):
                if os.readlink(path).startswith(packages):
                    found.append(int(path.parent.name))
        return found

    async def session(self) -> Session:
        """The thread, once it has begun a turn."""
        found: Session = await until(lambda: next(iter(self.threads.find().sessions), None), what="a thread")
        return found
