"""`hook`: what an agent client's hook runs. Whatever fails, it is silent and its exit status is 0.

Standard input is the client's own JSON; standard output is what the client adds to the session, or nothing.
"""

import json
import os
import sys

from multifleet.cli.arguments import Value
from multifleet.cli.daemon import ask, is_stopped
from multifleet.cli.shape import Command, Failed

EVENTS = {"session-start": "SessionStart", "user-prompt-submit": "UserPromptSubmit", "stop": "Stop"}
PATIENCE = {"SessionStart": 0.8}
"""Seconds for the daemon's answer; a prompt or the end of a turn must not wait for a frozen daemon."""
IMPATIENCE = 0.06
LARGEST_INPUT = 4 * 1024 * 1024


def run(name: str, command: Command, values: dict[str, Value], as_json: bool) -> int:
    """Always 0."""
    event = EVENTS.get(str(values["event"]), str(values["event"]))
    try:
        text = _ask(command, event)
    except (Failed, ValueError, OSError):
        return 0  # a hook that complains would stop the user's own work
    if text:
        output = {"hookSpecificOutput": {"hookEventName": event, "additionalContext": text}}
        sys.stdout.write(json.dumps(output) + "\n")
    return 0


def _ask(command: Command, event: str) -> str:
    told = json.loads(sys.stdin.buffer.read(LARGEST_INPUT))
    if not isinstance(told, dict):
        raise ValueError("the client's input is no object")
    client = os.environ.get("MULTIFLEET_CLIENT", "")
    values: dict[str, Value] = {
        "event": event,
        "session_id": str(told.get("session_id") or os.environ.get("CLAUDE_CODE_SESSION_ID", "")),
        "cwd": str(told.get("cwd") or os.getcwd()),
    }
    for field in ("transcript_path", "source"):
        if isinstance(told.get(field), str):
            values[field] = told[field]
    if client:
        from multifleet.sessions.shells import above_shells  # of no use to Claude Code

        values["client"] = client  # what Claude Code has in the environment is about a session above this one
        if (above := above_shells(os.getppid())) is not None:
            values["pid"] = above
        return _text(command, values, event)
    if entrypoint := os.environ.get("CLAUDE_CODE_ENTRYPOINT"):
        values["entrypoint"] = entrypoint
    if (pid := os.environ.get("CLAUDE_PID", "")).isdecimal():
        values["pid"] = int(pid)
    return _text(command, values, event)


def _text(command: Command, values: dict[str, Value], event: str) -> str:
    if is_stopped():
        return ""
    answer = json.loads(ask(command, values, PATIENCE.get(event, IMPATIENCE), waits=event in PATIENCE))
    return str(answer["text"])
