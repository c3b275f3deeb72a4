"""What a command says of who typed it: a person, or an agent; and for an agent, where it works."""

import os
import sys

AGENT_MARKS = ("CLAUDECODE", "CODEX_SANDBOX", "CODEX_SANDBOX_NETWORK_DISABLED", "GEMINI_CLI", "QWEN_CODE")
"""Environment variables that agent clients set for the commands they run."""


def quiet_values(wanted: tuple[str, ...]) -> dict[str, str]:
    """The fields that nobody types."""
    agent = any(mark in os.environ for mark in AGENT_MARKS)
    found = {}
    if "authority" in wanted:
        found["authority"] = "human" if not agent and _is_terminal() else "agent"
    if "folder" in wanted and agent:
        found["folder"] = os.getcwd()
    return found


def _is_terminal() -> bool:
    try:
        return os.isatty(0) and sys.stdout.isatty()
    except (OSError, ValueError):
        return False
