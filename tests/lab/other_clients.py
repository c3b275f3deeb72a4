"""The real, unmodified Codex, Gemini CLI and Qwen Code on a host of the lab, each against its mock API there.

Each runs with the hooks that `multifleet hooks install` gives it, in a project folder whose name is its seat.
"""

import json
import os
import shlex
import signal
from typing import Any, Self

from tests.lab.client_install import program
from tests.lab.host import Host
from tests.lab.kernel import send_signal
from tests.lab.machine import HOME
from tests.lab.mock_anthropic import MockAPI
from tests.lab.mock_gemini import MockGemini
from tests.lab.mock_openai import MockOpenAI
from tests.lab.proc import Proc
from tests.lab.tools import LabError, wait_for
from tests.sessions.real_codex import CONFIG

QUIET = {"privacy": {"usageStatisticsEnabled": False}, "general": {"enableAutoUpdate": False}}
SETTINGS: dict[str, dict[str, Any]] = {
    "gemini": {"security": {"auth": {"selectedType": "gemini-api-key"}}, "telemetry": {"enabled": False}, **QUIET},
    "qwen": {
        "security": {"auth": {"selectedType": "openai"}},
        "telemetry": {"enabled": False},
        "memory": {"enableManagedAutoMemory": False},  # else its model is asked again after each turn
        "$version": 4,
        **QUIET,
    },
}
TOOLS = """
[mcp_servers.fleet]
command = "multifleet"
args = ["mcp"]
default_tools_approval_mode = "approve"
env.MULTIFLEET_HOME = "{home}"
"""
ONE_QUESTION = {
    "codex": ["exec", "--skip-git-repo-check", "--dangerously-bypass-hook-trust"],
    "gemini": ["-m", "gemini-2.5-pro", "--approval-mode", "yolo", "-p"],
    "qwen": ["--approval-mode", "yolo", "-p"],
}
AT_TERMINAL = {
    "codex": ["--dangerously-bypass-hook-trust"],
    "gemini": ["-m", "gemini-2.5-pro"],
    "qwen": ["--approval-mode", "default"],
}
PROMPTS = {"codex": "› Ask Codex", "gemini": "Type your message", "qwen": "Type your message"}
"""What an empty prompt shows."""


def mock_for(client: str, host: Host) -> MockAPI:
    """The client's API on the host's own loopback, scripted from the test's process."""
    with host.network():
        return MockGemini() if client == "gemini" else MockOpenAI()


class ClientOnHost:
    """`ask` runs one question; `with` starts it at a terminal and waits for its prompt."""

    def __init__(self, client: str, host: Host, api: MockAPI) -> None:
        self.client, self.host, self.api = client, host, api
        self.folder = f"{HOME}/{client}"
        self._server = f"{client}-{next(host.lab.numbers)}"

    def prepare(self) -> None:
        """A home in which nothing is asked, with our hooks as a user installs them."""
        self.host.path(self.folder).mkdir(parents=True, exist_ok=True)
        settings = self.host.path(f"{HOME}/.{self.client}")
        settings.mkdir(exist_ok=True)
        if self.client == "codex":
            config = CONFIG.format(url=self.api.url, folder=self.folder)
            tools = TOOLS.format(home=self.host.env["MULTIFLEET_HOME"])
            (settings / "config.toml").write_text(config + tools)
        else:
            (settings / "settings.json").write_text(json.dumps(SETTINGS[self.client]))
        self.host.run(["multifleet", "hooks", "install", "--client", self.client])
        self.host.run(["multifleet", "seat", "bind", self.client, self.folder])

    def command(self, *words: str) -> list[str]:
        """The client's command line, with all that it is given."""
        values = {
            "HOME": HOME,
            "PATH": self.host.env["PATH"],
            "TERM": "xterm-256color",
            "LANG": "C.UTF-8",
            "MULTIFLEET_HOME": self.host.env["MULTIFLEET_HOME"],
            "MOCK_KEY": "fake",
            "GEMINI_API_KEY": "fake",
            "GOOGLE_GEMINI_BASE_URL": self.api.url,
            "GEMINI_CLI_TRUST_WORKSPACE": "true",
            "OPENAI_API_KEY": "fake",
            "OPENAI_BASE_URL": f"{self.api.url}/v1",
            "OPENAI_MODEL": "mock-model",
            "HTTPS_PROXY": "http://127.0.0.1:9",
            "NO_PROXY": "127.0.0.1",
        }
        return ["env", "-i", *(f"{name}={value}" for name, value in values.items()), program(self.client), *words]

    def ask(self, prompt: str, timeout: float = 60.0) -> str:
        """One question; what it printed."""
        return self.host.run(self.command(*ONE_QUESTION[self.client], prompt), cwd=self.folder, timeout=timeout).stdout

    def begin(self, prompt: str) -> Proc:
        """The same, not waited for."""
        return self.host.popen(self.command(*ONE_QUESTION[self.client], prompt), cwd=self.folder)

    def __enter__(self) -> Self:
        self.start()
        self.wait_ready()
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def start(self) -> None:
        """Start it at a terminal, and wait for nothing."""
        self.prepare()
        line = shlex.join(self.command(*AT_TERMINAL[self.client]))
        self.tmux("new-session", "-d", "-s", "s", "-x", "160", "-y", "50", "-c", self.folder, line)

    def wait_ready(self) -> None:
        """Until its prompt is there."""
        self.wait_screen(PROMPTS[self.client], 90.0)  # some take many seconds of a processor for it

    def end(self) -> None:
        """End it and its terminal, which it may outlive."""
        self.tmux("kill-server", check=False)
        self.kill()

    def prompt(self, text: str) -> None:
        """Type a prompt and submit it."""
        self.tmux("send-keys", "-t", "s", "-l", text)
        self.wait_screen(text[:40])
        self.tmux("send-keys", "-t", "s", "Enter")

    def wait_screen(self, text: str, timeout: float = 60.0) -> None:
        """Until a person would see the text."""
        try:
            wait_for(lambda: text in self.screen(), timeout, 0.1)
        except LabError:
            raise LabError(f"{text!r} is not on the screen of {self.client}:\n{self.screen()}") from None

    def screen(self) -> str:
        """What a person would see."""
        return self.tmux("capture-pane", "-p", "-t", "s", check=False)

    def tmux(self, *words: str, check: bool = True) -> str:
        """A command to this session's own tmux server; its output."""
        return self.host.run(["tmux", "-L", self._server, "-f", "/dev/null", *words], check=check).stdout

    def kill(self) -> None:
        """SIGKILL for all processes of this client's on the host, those that it started among them."""
        own = program(self.client).rpartition("/node_modules/")[0]
        for pid in self.host.pids():
            if _is_run_from(pid, own):
                send_signal(pid, signal.SIGKILL)


def _is_run_from(pid: int, folder: str) -> bool:
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            return folder in os.fsdecode(file.read())
    except OSError:
        return False
