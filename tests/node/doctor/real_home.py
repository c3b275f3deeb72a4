"""A home with a real daemon, made and asked as its user does it, and the faults that can befall it."""

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.ports import free_port

ROOT = Path(__file__).resolve().parents[3]
VERSION = "2.1.329"
HOOKED = {event: [{"hooks": [{"type": "command", "command": "multifleet hook"}]}] for event in
          ("SessionStart", "UserPromptSubmit", "Stop")}  # fmt: skip
TIMED = """\
import sys, time
real, file = time.time, sys.argv.pop(1)
time.time = lambda: real() + float(open(file).read())
from multifleet.__main__ import main
raise SystemExit(main())
"""
"""The program under a wall clock that a file sets off, by seconds."""


class RealHome:
    """One node of its own user, with an agent client installed and hooked."""

    def __init__(self, folder: Path, node: str) -> None:
        self.user = folder / f"user of {node}"
        self.home = self.user / "fleet"
        self.node = node
        self.port = free_port()
        self.environment: dict[str, str] = {}
        self._clock = folder / f"clock of {node}"
        self._daemon: subprocess.Popen[str] | None = None
        self.user.mkdir()
        self.set_clock(0.0)
        self.install_client(VERSION)
        self.run("init", "--node", node)
        self.configure(nodeId=node, port=self.port, bind=["127.0.0.1"])

    @property
    def client(self) -> Path:
        """The client as the user's shell finds it."""
        return self.user / ".local" / "bin" / "claude"

    @property
    def settings(self) -> Path:
        """The client's settings, with our hooks."""
        return self.user / ".claude" / "settings.json"

    @property
    def pid(self) -> int:
        """Of the daemon."""
        assert self._daemon is not None
        return self._daemon.pid

    def configure(self, **values: Any) -> None:
        """Replace config.json."""
        path = self.home / "config.json"
        path.write_text(json.dumps(values))
        path.chmod(0o600)

    def install_client(self, version: str) -> None:
        """As the client's own installer does it, and our hooks with it."""
        program = self.user / ".local" / "share" / "claude" / "versions" / version
        program.parent.mkdir(parents=True)
        program.write_text("#!/bin/sh\nexit 1\n")
        program.chmod(0o755)
        self.client.parent.mkdir(parents=True)
        self.client.symlink_to(program)
        self.settings.parent.mkdir()
        self.settings.write_text(json.dumps({"hooks": HOOKED}))

    def set_clock(self, ahead: float) -> None:
        """Set this machine's wall clock off, now."""
        aside = self._clock.with_suffix(".new")
        aside.write_text(repr(ahead))
        aside.replace(self._clock)

    def up(self) -> None:
        """Start the daemon; it listens when this returns."""
        self._daemon = subprocess.Popen(
            [sys.executable, "-c", TIMED, str(self._clock), "up", "--foreground"],
            env=self._environment(),
            cwd=self.user,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert self._daemon.stdout is not None
        line = self._daemon.stdout.readline()
        assert "listens on" in line, line + self._daemon.stdout.read()

    def down(self) -> None:
        """Have the daemon close its store and end."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End it as a crash does."""
        self._end(signal.SIGKILL)

    def run(self, *words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """One command of the product."""
        return subprocess.run(
            [sys.executable, "-c", TIMED, str(self._clock), *words],
            env=self._environment(),
            cwd=self.user,
            check=check,
            capture_output=True,
            text=True,
        )

    def doctor(self, *words: str) -> dict[str, dict[str, Any]]:
        """Its checks by id; each that is not well says what to do."""
        ran = self.run("doctor", *words, "--json", check=False)
        assert ran.stdout, ran.stderr
        checks = {check["id"]: check for check in json.loads(ran.stdout)["checks"]}
        failing = [name for name, check in checks.items() if check["level"] == "fail"]
        assert ran.returncode == (1 if failing else 0), ran.stderr
        for name, check in checks.items():
            assert check["ok"] == (check["level"] != "fail")
            assert check["level"] == "ok" or check["remedy"], f"{name} does not say what to do"
            assert "\n" not in check["says"]
        return checks

    def not_well(self) -> dict[str, str]:
        """The level of each check that is not ok."""
        return {name: check["level"] for name, check in self.doctor().items() if check["level"] != "ok"}

    def _end(self, number: int) -> None:
        if self._daemon is not None:
            daemon, self._daemon = self._daemon, None
            daemon.send_signal(signal.SIGCONT)
            daemon.send_signal(number)
            daemon.wait(20)
            assert daemon.stdout is not None
            daemon.stdout.close()

    def _environment(self) -> dict[str, str]:
        known = {
            "HOME": str(self.user),
            "MULTIFLEET_HOME": str(self.home),
            "PATH": str(self.client.parent),
            "PYTHONPATH": str(ROOT),
            "XDG_RUNTIME_DIR": str(self.user),
        }
        return known | self.environment
