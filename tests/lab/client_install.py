"""The real Claude Code that the tests run: $CLAUDE_BIN, or one from npm in a cache ($REAL_CLAUDE_CACHE)."""

import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

CLAUDE_VERSION = "2.1.329"


def clients_folder() -> Path:
    """Where clients are kept between runs."""
    return Path(os.environ.get("REAL_CLAUDE_CACHE") or Path(tempfile.gettempdir(), "multifleet-clients"))


def find_claude() -> str | None:
    """The client's path, or npm's when it could be installed from there; None when neither is here."""
    if chosen := os.environ.get("CLAUDE_BIN"):
        return chosen
    return installed_claude() or shutil.which("npm")


def installed_claude(version: str = CLAUDE_VERSION) -> str | None:
    """The installed client's native program, or npm's wrapper of it."""
    modules = clients_folder() / f"claude-code-{version}" / "node_modules"
    natives = sorted(modules.glob("@anthropic-ai/claude-code-*/claude"))
    wrapper = modules / ".bin" / "claude"
    return str(natives[0]) if natives else str(wrapper) if wrapper.exists() else None


def claude_program(version: str = CLAUDE_VERSION) -> str:
    """The client's path; installed first when it is missing."""
    if chosen := os.environ.get("CLAUDE_BIN"):
        return chosen
    root = clients_folder() / f"claude-code-{version}"
    root.mkdir(parents=True, exist_ok=True)
    with (root / ".lock").open("w") as guard:
        fcntl.flock(guard, fcntl.LOCK_EX)
        if installed_claude(version) is None:
            package = f"@anthropic-ai/claude-code@{version}"
            command = ["npm", "install", "--prefix", str(root), "--no-audit", "--no-fund", package]
            subprocess.run(command, check=True, stdout=sys.stderr, timeout=600)
    program = installed_claude(version)
    if program is None:
        raise RuntimeError(f"npm left no client under {root}")
    return program


if __name__ == "__main__":
    print(claude_program())
