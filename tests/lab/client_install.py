"""The real agent clients that the tests run: $CLAUDE_BIN, and what npm has, kept in a cache ($REAL_CLAUDE_CACHE).

As a program it installs all that are missing, several at a time.
"""

import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

CLAUDE_VERSION = "2.1.329"
EARLIER_CLAUDE = "2.1.197"
"""The newest whose sessions have no inbox."""


class Client(NamedTuple):
    """What npm calls a client, its own program, and the version that was measured."""

    package: str
    program: str
    version: str


CLIENTS = {
    "claude": Client("@anthropic-ai/claude-code", "claude", CLAUDE_VERSION),
    "codex": Client("@openai/codex", "codex", "0.169.0"),
    "gemini": Client("@google/gemini-cli", "gemini", "0.61.0"),
    "qwen": Client("@qwen-code/qwen-code", "qwen", "0.24.4"),
}
OTHERS = ("codex", "gemini", "qwen")
"""Beside Claude Code."""


def clients_folder() -> Path:
    """Where clients are kept between runs."""
    return Path(os.environ.get("REAL_CLAUDE_CACHE") or Path(tempfile.gettempdir(), "multifleet-clients"))


def find_claude() -> str | None:
    """The client's path, or npm's when it could be installed from there; None when neither is here."""
    if chosen := os.environ.get("CLAUDE_BIN"):
        return chosen
    return installed_claude() or shutil.which("npm")


def find_others() -> str | None:
    """npm's path, or that of a client if all are installed; None when some could not be had."""
    found = [installed(name) for name in OTHERS]
    return shutil.which("npm") if None in found else found[0]


def installed_claude(version: str = CLAUDE_VERSION) -> str | None:
    """The installed client's native program, or npm's wrapper of it."""
    return installed("claude", version)


def claude_program(version: str = CLAUDE_VERSION) -> str:
    """The client's path; installed first when it is missing."""
    chosen = os.environ.get("CLAUDE_BIN")
    return chosen if chosen and version == CLAUDE_VERSION else program("claude", version)


def installed(name: str, version: str = "") -> str | None:
    """An installed client's native program, or npm's wrapper of it; None when it is not here."""
    client = CLIENTS[name]
    modules = _root(name, version) / "node_modules"
    places = (client.program, f"vendor/*/bin/{client.program}")
    natives = sorted(found for place in places for found in modules.glob(f"{client.package}-*/{place}"))
    wrapper = modules / ".bin" / client.program
    return str(natives[0]) if natives else str(wrapper) if wrapper.exists() else None


def program(name: str, version: str = "") -> str:
    """A client's path; installed first when it is missing."""
    client = CLIENTS[name]
    root = _root(name, version)
    root.mkdir(parents=True, exist_ok=True)
    with (root / ".lock").open("w") as guard:
        fcntl.flock(guard, fcntl.LOCK_EX)
        if installed(name, version) is None:
            package = f"{client.package}@{version or client.version}"
            command = ["npm", "install", "--prefix", str(root), "--no-audit", "--no-fund", package]
            subprocess.run(command, check=True, stdout=sys.stderr, timeout=600)
    found = installed(name, version)
    if found is None:
        raise RuntimeError(f"npm left no client under {root}")
    return found


def _root(name: str, version: str) -> Path:
    client = CLIENTS[name]
    return clients_folder() / f"{client.package.rpartition('/')[2]}-{version or client.version}"


def install_all() -> list[str]:
    """Every client that tests run; their paths."""
    wanted = [("claude", EARLIER_CLAUDE), *((name, "") for name in OTHERS)]
    if not os.environ.get("CLAUDE_BIN"):
        wanted.append(("claude", CLAUDE_VERSION))
    with ThreadPoolExecutor(len(wanted)) as pool:
        return list(pool.map(lambda one: program(*one), wanted))


if __name__ == "__main__":
    print("\n".join(install_all()))
