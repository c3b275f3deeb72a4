"""What a command says of the agent that typed it: where it works."""

import os

AGENT_MARKS = (
    "CLAUDECODE",
    "CODEX_SANDBOX",
    "CODEX_SANDBOX_NETWORK_DISABLED",
    "CODEX_THREAD_ID",  # the only one of a thread that has full access
    "GEMINI_CLI",
    "QWEN_CODE",
)
"""Environment variables that agent clients set for the commands they run."""


def quiet_values(wanted: tuple[str, ...]) -> dict[str, str]:
    """The fields that nobody types."""
    if "folder" in wanted and any(mark in os.environ for mark in AGENT_MARKS):
        return {"folder": os.getcwd()}
    return {}
