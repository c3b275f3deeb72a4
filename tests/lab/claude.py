"""A real, unmodified Claude Code on a host of the lab, in a tmux server of its own, against a mock API.

The client runs under `env -i` with a fake key and the host's private HOME; its API is on the host's loopback.
"""

import json
import re
import shlex
from pathlib import Path
from typing import Any

from tests.lab.client_install import CLAUDE_VERSION, claude_program
from tests.lab.host import Host
from tests.lab.machine import HOME
from tests.lab.mock_anthropic import MockAPI
from tests.lab.proc import Proc
from tests.lab.tools import LabError, wait_for

FAKE_KEY = "sk-test-fake-0123456789abcdef"
Record = dict[str, Any]


def mock_api_on(host: Host) -> MockAPI:
    """A mock API on the host's own loopback, scripted from the test's process."""
    with host.network():
        return MockAPI()


class ClaudeOnHost:
    """An interactive session in a project folder of the host; `with` starts it and waits for its prompt."""

    def __init__(
        self,
        host: Host,
        api: MockAPI,
        *,
        project: str = "api",
        plugin: Path | None = None,
        arguments: tuple[str, ...] = (),
        settings: Record | None = None,
        version: str = CLAUDE_VERSION,
    ) -> None:
        self.host, self.api = host, api
        self.folder = f"{HOME}/{project}"
        self.session = f"claude-{next(host.lab.numbers)}"
        self.plugin = plugin
        self.arguments = arguments
        self.settings = settings
        self.version = version
        self.pid = 0

    def __enter__(self) -> "ClaudeOnHost":
        self.prepare()
        command = ["env", "-i", *(f"{k}={v}" for k, v in self.environment().items()), *self.command()]
        self.tmux("new-session", "-d", "-s", "s", "-x", "160", "-y", "50", "-c", self.folder, shlex.join(command))
        wait_for(self._is_ready, 90, 0.05, "Claude Code at its prompt")
        return self

    def __exit__(self, *_: object) -> None:
        self.tmux("kill-server", check=False)
        wait_for(lambda: not self.alive, 60, what="Claude Code to end")

    def prepare(self) -> None:
        """The folder and a HOME whose first-run questions are answered, so that no dialog blocks."""
        home = self.host.path(HOME)
        self.host.path(self.folder).mkdir(parents=True, exist_ok=True)
        (home / ".claude").mkdir(exist_ok=True)
        path = home / ".claude.json"
        config = json.loads(path.read_text()) if path.exists() else {}
        config.setdefault("hasCompletedOnboarding", True)
        config.setdefault("theme", "dark")
        config.setdefault("customApiKeyResponses", {"approved": [FAKE_KEY[-20:]], "rejected": []})
        config.setdefault("bypassPermissionsModeAccepted", True)
        for folder in (self.folder, HOME):  # trust is inherited, and a running session rewrites this file
            trusted = {"hasTrustDialogAccepted": True, "hasCompletedProjectOnboarding": True}
            config.setdefault("projects", {}).setdefault(folder, {}).update(trusted)
        path.write_text(json.dumps(config))
        if self.settings is not None:
            (home / ".claude/settings.json").write_text(json.dumps(self.settings))

    def environment(self) -> dict[str, str]:
        """All that the client is given."""
        return {
            "HOME": HOME,
            "PATH": self.host.env.get("PATH", self.host.lab.path),
            "TERM": "xterm-256color",
            "LANG": "C.UTF-8",
            "IS_SANDBOX": "1",
            "ANTHROPIC_BASE_URL": self.api.url,
            "ANTHROPIC_API_KEY": FAKE_KEY,
            "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
            "DISABLE_AUTOUPDATER": "1",
            "DISABLE_TELEMETRY": "1",
            **{name: value for name, value in self.host.env.items() if name.startswith("MULTIFLEET_")},
        }

    def command(self, *more: str) -> list[str]:
        """The client's command line."""
        plugin = ["--plugin-dir", str(self.plugin)] if self.plugin else []
        return [claude_program(self.version), *plugin, *self.arguments, *more]

    def ask(self, prompt: str, timeout: float = 60.0) -> str:
        """One `claude -p` in the same folder (no session needs to run); its answer."""
        self.prepare()
        command = ["env", "-i", *(f"{k}={v}" for k, v in self.environment().items()), *self.command("-p", prompt)]
        return self.host.run(command, cwd=self.folder, timeout=timeout).stdout

    def begin(self, prompt: str) -> Proc:
        """The same, not waited for."""
        self.prepare()
        command = ["env", "-i", *(f"{k}={v}" for k, v in self.environment().items()), *self.command("-p", prompt)]
        return self.host.popen(command, cwd=self.folder)

    def tmux(self, *words: str, check: bool = True) -> str:
        """A tmux command in the host, to this session's own server."""
        return self.host.run(["tmux", "-L", self.session, "-f", "/dev/null", *words], check=check).stdout

    def records(self) -> list[Record]:
        """What the client's registry on this host says."""
        found = []
        for path in self.host.path(HOME).glob(".claude/sessions/*.json"):
            if re.fullmatch(r"\d+\.json", path.name):
                try:
                    found.append(json.loads(path.read_text()))
                except (OSError, ValueError):
                    continue  # being written, or just gone
        return found

    @property
    def record(self) -> Record | None:
        """This session's own record."""
        return next((r for r in self.records() if r.get("pid") == self.pid), None)

    @property
    def alive(self) -> bool:
        """Whether the process still runs, by the host's own numbering."""
        return bool(self.pid) and self.host.path(f"/proc/{self.pid}").exists()

    def _is_ready(self) -> bool:
        if not self.pid:
            pane = self.tmux("list-panes", "-t", "s", "-F", "#{pane_pid}", check=False).strip()
            self.pid = int(pane or 0)
            if not self.pid:
                raise LabError("the client ended at once")
        record = self.record
        has_all = record and (record.get("messagingSocketPath") or self.version != CLAUDE_VERSION)
        return bool(has_all and "❯" in self.screen())

    def wait_status(self, status: str, timeout: float = 60.0) -> None:
        """Wait until the registry says idle, busy or waiting."""
        wait_for(lambda: (self.record or {}).get("status") == status, timeout, what=f"status {status}")

    def screen(self) -> str:
        """What a person would see."""
        return self.tmux("capture-pane", "-p", "-t", "s")

    def wait_screen(self, text: str, timeout: float = 60.0) -> str:
        """The screen once it shows the text."""
        return str(wait_for(lambda: text in (shown := self.screen()) and shown, timeout, 0.1, f"{text!r} shown"))

    def keys(self, *names: str) -> None:
        """Press keys by tmux's names."""
        self.tmux("send-keys", "-t", "s", *names)

    def choose(self, label: str) -> None:
        """Take the choice of this name in a dialog, which ignores every key in its first moment."""
        self.wait_screen(label)

        def closed() -> bool:
            if label not in (shown := self.screen()):
                return True
            self.keys("Enter" if re.search(rf"❯[^\n]*{label}", shown) else "Down")
            return False

        wait_for(closed, 60, 0.3, f"the dialog with {label} closed")

    def prompt(self, text: str) -> None:
        """Type a prompt and submit it."""
        self.tmux("send-keys", "-t", "s", "-l", text)
        self.wait_screen(text[:40])
        self.keys("Enter")

    def kill(self) -> None:
        """SIGKILL for the client alone: its registry files stay behind."""
        self.host.run(["kill", "-9", str(self.pid)])
        wait_for(lambda: not self.alive, 60, what="Claude Code killed")

    def transcript(self) -> list[Record]:
        """The records of this session's own transcript so far."""
        folder = re.sub(r"[^A-Za-z0-9]", "-", self.folder)
        session = (self.record or {}).get("sessionId", "")
        path = self.host.path(f"{HOME}/.claude/projects/{folder}/{session}.jsonl")
        if not path.exists():
            return []
        whole, _, _ = path.read_text().rpartition("\n")
        return [json.loads(line) for line in whole.splitlines() if line]
