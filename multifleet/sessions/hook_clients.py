"""Which file of which agent client our hooks go into, and what stands in it then. Writes nothing.

The hooks are those of the plugin (hooks/hooks.json, for other clients hook_table), with whole paths instead of the
plugin's folder.
"""

import json
import os
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import multifleet
from multifleet.errors import BadInput
from multifleet.sessions.claude_registry import config_dir
from multifleet.sessions.hook_table import groups_for

CLIENTS = ("claude", "codex", "gemini", "qwen")
FILES = {
    "codex": ("CODEX_HOME", ".codex", "hooks.json"),
    "gemini": ("", ".gemini", "settings.json"),
    "qwen": ("QWEN_HOME", ".qwen", "settings.json"),
}
"""The variable that names a client's folder, its usual name, and the file in it."""
SCRIPTS = ("hand-over.sh", "idle.sh", "mate-idle.sh", "session-start.sh", "wait.py", "wait.sh")
"""Programs of ours that a hook may name, in a folder called hooks."""

_BEFORE = ("/usr/bin/env", "/bin/sh", "sh")
_OPERATORS = frozenset(";&|<>")

PLUGIN_ROOT = "${CLAUDE_PLUGIN_ROOT}"

Hook = dict[str, Any]
"""One hook as a client's file has it, with its command."""


@dataclass(frozen=True, slots=True)
class HookFile:
    """A client's file, and the groups of hooks that are to stand in it, by event."""

    client: str
    path: Path
    groups: Mapping[str, tuple[Hook, ...]]
    root: Path
    """Of this installation: hooks that lie under it are ours."""

    def is_ours(self, hook: Any) -> bool:
        """Whether this is a hook of ours, of this installation or another, and not what a user made of it."""
        words = words_of(hook)
        while words and (words[0] in _BEFORE or words[0].startswith("MULTIFLEET_HOME=")):
            words = words[1:]
        if not words or not is_script(words[0], self.root):
            return False
        return "args" in hook or not any(_OPERATORS & set(word) for word in words[1:])


def root_folder() -> Path:
    """The folder of this installation."""
    return Path(multifleet.__file__).resolve().parent.parent


def hook_file(client: str, root: Path, home: Path, config: Path | None, environ: Mapping[str, str]) -> HookFile:
    """What `hooks install` writes for this client; BadInput where this installation has no hooks to give.

    `config` is the folder of Claude Code where the node's configuration names one.
    """
    listed = root / "hooks" / "hooks.json"
    try:
        events = json.loads(listed.read_bytes())["hooks"] if client == "claude" else groups_for(client, str(root))
        listed.stat()
    except FileNotFoundError:
        raise BadInput(
            f"{listed} is not there: the hooks are part of a clone of the repository, run its bin/multifleet"
        ) from None
    groups = {
        event: tuple(_for_settings(group, root, home, environ) for group in found) for event, found in events.items()
    }
    return HookFile(client, _path(client, config, environ), groups, root)


def _path(client: str, config: Path | None, environ: Mapping[str, str]) -> Path:
    if client == "claude":
        return (config or config_dir(environ)) / "settings.json"
    variable, folder, name = FILES[client]
    chosen = environ.get(variable) if variable else None
    return (Path(chosen) if chosen else _user(environ) / folder) / name


def _user(environ: Mapping[str, str]) -> Path:
    return Path(environ.get("HOME") or Path.home())


def words_of(hook: Any) -> list[str]:
    """The program and the arguments of a hook, however it is written; nothing where it has no command."""
    command = hook.get("command") if isinstance(hook, dict) else None
    if not isinstance(command, str):
        return []
    if isinstance(given := hook.get("args"), list):
        return [command, *(word for word in given if isinstance(word, str))]
    try:
        return shlex.split(command)
    except ValueError:
        return []  # a quotation that does not end: no hook of ours


def is_script(word: str, root: Path) -> bool:
    """Whether the word is the path of one of our programs."""
    folder, name = os.path.split(word)
    if folder == str(root / "hooks"):
        return True
    return name in SCRIPTS and os.path.basename(folder) == "hooks" and "multifleet" in folder


def _for_settings(group: Hook, root: Path, home: Path, environ: Mapping[str, str]) -> Hook:
    return group | {"hooks": [_with_paths(hook, root, home, environ) for hook in group["hooks"]]}


def _with_paths(hook: Hook, root: Path, home: Path, environ: Mapping[str, str]) -> Hook:
    named = ["/usr/bin/env", f"MULTIFLEET_HOME={home}"]
    if home == _user(environ) / ".multifleet":  # where the scripts look by themselves
        named = []
    if "args" not in hook:
        return hook | {"command": " ".join([*map(shlex.quote, named), hook["command"]])}
    words = [*named, *(word.replace(PLUGIN_ROOT, str(root)) for word in (hook["command"], *hook["args"]))]
    return hook | {"command": words[0], "args": words[1:]}
