"""`plugin`: has Claude Code install our plugin, and remove it without a trace in its user's settings."""

import os
from pathlib import Path

from multifleet.cli.arguments import Value
from multifleet.cli.ask import as_line
from multifleet.cli.hook_files import claude_folder, need_plain
from multifleet.cli.shape import Command, Failed
from multifleet.errors import MultifleetError
from multifleet.paths import home_path
from multifleet.sessions.claude_plugin import install_plugin, uninstall_plugin
from multifleet.sessions.claude_selftest import find_claude
from multifleet.sessions.hook_clients import root_folder
from multifleet.sessions.settings_turn import turn

WORDS = {
    "restored": "the plugin is out, and the settings are as they were",
    "changed": "the plugin is out; what was changed in the settings since stays, in the form that Claude Code gives it",
    "removed": "the plugin is out, with all that names it; how the settings were before is not known (`plugin install` "
    "did not put it in), so they stay in the form that Claude Code gives them",
    "none": "the plugin is not installed: nothing was done",
}


def run(name: str, command: Command, values: dict[str, Value], as_json: bool) -> int:
    """Exit status 0, also where nothing was to be removed; Failed says what the client complains of."""
    home, config = home_path(), claude_folder(home_path())
    claude = find_claude(os.environ)
    environ = os.environ | ({"CLAUDE_CONFIG_DIR": str(config)} if config != Path.home() / ".claude" else {})
    try:
        with turn(home, config / "settings.json"):
            if name == "plugin install":
                if claude is None:
                    raise Failed("there is no Claude Code on this machine's PATH: nothing was done")
                words = _install(claude, config, home, environ)
            else:
                words = WORDS[uninstall_plugin(claude, config, home, environ)]
    except MultifleetError as error:
        raise Failed(*error.lines) from None
    except OSError as error:
        raise Failed(f"{error}: see whether the disk is full, and whose the folder is") from None
    print(as_line({"path": str(config), "detail": words}) if as_json else words)
    return 0


def _install(claude: Path, config: Path, home: Path, environ: dict[str, str]) -> str:
    root = root_folder()
    if not home.is_dir():
        raise Failed(f"{home} is no node yet: make it one with `multifleet init`")
    if not (root / ".claude-plugin/marketplace.json").is_file():
        raise Failed(f"{root} has no plugin in it: it is part of a clone of the repository, run its bin/multifleet")
    need_plain(config / "settings.json")
    install_plugin(claude, root, config, home, environ)
    return "the plugin is installed; sessions that run now have it when they are started again"
