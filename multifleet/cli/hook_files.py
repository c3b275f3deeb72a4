"""`hooks`: puts the hooks into an agent client's own settings, for who does not want the plugin; takes them out again.

Works on files alone, with or without a daemon.
"""

import json
import os
from pathlib import Path

from multifleet.cli.arguments import Value
from multifleet.cli.ask import as_line
from multifleet.cli.shape import Command, Failed
from multifleet.config import load
from multifleet.errors import ConfigError, MultifleetError
from multifleet.paths import home_path, program_on
from multifleet.sessions.claude_hooks import hooks_installed
from multifleet.sessions.claude_registry import config_dir
from multifleet.sessions.hook_clients import CLIENTS, HookFile, hook_file, root_folder
from multifleet.sessions.hook_install import install, look, uninstall
from multifleet.sessions.hook_plugins import brought
from multifleet.sessions.settings_file import content_of, text_of
from multifleet.sessions.settings_turn import turn

AGAIN = {"codex": 'Codex asks you once ("Trust all and continue") whether they may run; until then it runs none'}
"""What is to be done after it, by client."""
USUALLY = "sessions that run now have them when they are started again"


def run(name: str, command: Command, values: dict[str, Value], as_json: bool) -> int:
    """Exit status 0; `hooks status` has 1 where not all of them are there."""
    home = home_path()
    try:
        file = _file(str(values.get("client", "claude")), home)
        act = name.partition(" ")[2]
        if act == "status":
            words = _status(file)
        else:
            with turn(home, file.path):
                words = _install(file, home) if act == "install" else _uninstall(file, home)
        how = _how(file)
    except MultifleetError as error:
        raise Failed(*error.lines) from None
    except OSError as error:
        raise Failed(f"{error}: see whether the disk is full, and whose the folder is") from None
    result: dict[str, object] = {"client": file.client, "path": str(file.path), "hooks": how, "detail": words}
    print(as_line(result) if as_json else words)
    return 1 if act == "status" and how not in ("all", "plugin") else 0


def _install(file: HookFile, home: Path) -> str:
    if not home.is_dir():
        raise Failed(f"{home} is no node yet: make it one with `multifleet init`")
    if _how(file) == "plugin":
        raise Failed("the plugin is installed and enabled, and brings the hooks with it: nothing was changed")
    if file.client == "claude":
        need_plain(file.path)
    if not install(file, home):
        return f"the hooks stand in {file.path} already{_without(file.client)}"
    after = AGAIN.get(file.client, USUALLY)
    return f"the hooks stand in {file.path} now, beside all that was in it; {after}{_without(file.client)}"


def _without(client: str) -> str:
    """That nothing runs the hooks yet, where the client is not found; else empty."""
    if client == "claude":
        from multifleet.sessions.claude_selftest import find_claude

        found = find_claude(os.environ) is not None
    else:
        found = program_on(os.environ.get("PATH", os.defpath), client) is not None
    return "" if found else f"; but no {client} is found on this machine's PATH, and without it nothing runs them"


def need_plain(path: Path) -> None:
    """Failed where Claude Code would leave the whole file out: hooks in it would never run."""
    try:
        json.loads(text_of(path, content_of(path)).lstrip("\ufeff") or "{}")
    except json.JSONDecodeError as error:
        raise Failed(
            f"{path}, line {error.lineno}: this is not plain JSON (no comments, no comma before a closing bracket), so"
            " Claude Code leaves the whole file out: mend it there first, nothing was changed"
        ) from None


def _uninstall(file: HookFile, home: Path) -> str:
    if not uninstall(file, home):
        return f"there were no hooks of multifleet in {file.path}: nothing was changed"
    return f"the hooks are out of {file.path}, and all else is as it was"


def _how(file: HookFile) -> str:
    """As look() has it; "plugin" where that brings the hooks."""
    how = look(file).how
    return "plugin" if how == "none" and brought(file.client, file.path.parent) else how


def _status(file: HookFile) -> str:
    found = look(file)
    if found.how == "all":
        problem = hooks_installed(file.path.parent) if file.client == "claude" else None
        return f"all hooks stand in {file.path}" + (f", but {problem.detail}" if problem and not problem.how else "")
    put = "multifleet hooks install" + ("" if file.client == CLIENTS[0] else f" --client {file.client}")
    if found.how == "older":
        return f"{file.path} has hooks of another version or place: {put}"
    if found.how == "some":
        return f"{file.path} has only some of the hooks, {', '.join(found.missing)} missing: {put}"
    if _how(file) == "plugin":
        return "the plugin is installed and enabled, and brings the hooks with it"
    return f"there are no hooks of multifleet in {file.path}: {put}"


def claude_folder(home: Path) -> Path:
    """Where Claude Code keeps its files, as the home's configuration or the environment says."""
    try:
        chosen = load(home).claudeConfigDir
    except ConfigError:
        chosen = None  # doctor says so; the hooks can be taken out all the same
    return Path(chosen).expanduser() if chosen else config_dir(os.environ)


def _file(client: str, home: Path) -> HookFile:
    return hook_file(client, root_folder(), home, claude_folder(home), os.environ)
