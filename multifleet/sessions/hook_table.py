"""Which hooks the clients other than Claude Code get: the events, the program for each, and in which form.

Those of Claude Code stand in hooks/hooks.json. All run the same two programs, which are told the client's name.
"""

import shlex
from typing import Any, NamedTuple

HAND_OVER, SESSION_START = "hand-over.sh", "session-start.sh"


class Form(NamedTuple):
    """What a client wants."""

    events: tuple[str, ...]
    """When messages are handed over, or the daemon hears that a turn is over."""
    start: str
    """The event that tells the daemon of a new session."""
    unit: int
    """Of its timeouts, in a second."""


FORMS = {
    "codex": Form(("UserPromptSubmit", "Stop"), "SessionStart", 1),
    "gemini": Form(("BeforeAgent", "AfterAgent"), "SessionStart", 1000),
    # at a turn's end Qwen Code does not say whether it asks its user: nothing may have it go on there
    "qwen": Form(("UserPromptSubmit",), "SessionStart", 1),
}

HAND_OVER_SECONDS, START_SECONDS = 2, 3


def groups_for(client: str, root: str) -> dict[str, list[dict[str, Any]]]:
    """The groups of hooks by event, with this folder as the plugin's; `${...}` in it is left to the client."""
    form = FORMS[client]
    groups = {form.start: [_group(root, SESSION_START, root, client, START_SECONDS * form.unit)]}
    for event in form.events:
        groups[event] = [_group(root, HAND_OVER, event, client, HAND_OVER_SECONDS * form.unit)]
    return groups


def _group(root: str, script: str, first: str, client: str, timeout: int) -> dict[str, Any]:
    words = ("/bin/sh", f"{root}/hooks/{script}", first, client)
    command = " ".join(map(_quoted, words))
    return {"hooks": [{"type": "command", "command": command, "timeout": timeout}]}


def _quoted(word: str) -> str:
    """For a shell; a variable of the client's has to stay one."""
    return f'"{word}"' if word.startswith("${") else shlex.quote(word)
