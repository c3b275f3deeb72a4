"""Has Claude Code install our plugin and remove it again, and gives its user's settings back as they were.

The client does the one and the other by its own commands. It writes the settings anew with that, leaves empty objects
in them and a copy of the plugin beside them: what is only of that kind is put right afterwards, and nothing else.
"""

import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from multifleet.core.json_edit import value_at, without
from multifleet.core.json_reading import NotJson, read
from multifleet.errors import BadInput
from multifleet.sessions.hook_record import HookRecord, drop_record, load_record, save_record
from multifleet.sessions.settings_file import content_of, document_of, real_place, replace, text_of

PLUGIN, MARKETPLACE = "multifleet", "multifleet-local"
RECORD = "claude-plugin"
LEFT_EMPTY = ("enabledPlugins", "extraKnownMarketplaces")
PATIENCE = 120.0
"""Seconds for a command of the client."""

Removed = Literal["restored", "removed", "none"]
"""The settings are as they were; as the client left them, because how they were is not known; there was no plugin."""


def install_plugin(claude: Path, root: Path, config: Path, home: Path, environ: Mapping[str, str]) -> None:
    """Offer this installation to the client and have it install the plugin; BadInput says what it complains of."""
    path = real_place(config / "settings.json")
    original = content_of(path)
    document_of(path, original)  # what cannot be read now could not be given back
    known = load_record(home, RECORD, path)
    if known is None or not _is_enabled(path, original):
        known = HookRecord(str(path), original, b"", folder_made=not config.is_dir())
    save_record(home, RECORD, known)
    _must(claude, environ, "marketplace", "add", str(root))
    _must(claude, environ, "install", f"{PLUGIN}@{MARKETPLACE}")
    save_record(home, RECORD, HookRecord(known.path, known.original, content_of(path) or b"", (), known.folder_made))


def uninstall_plugin(claude: Path, config: Path, home: Path, environ: Mapping[str, str]) -> Removed:
    """Have the client remove the plugin, and clear away what it leaves."""
    path = real_place(config / "settings.json")
    before = content_of(path)
    if not _is_enabled(path, before):
        drop_record(home, RECORD, path)
        return "none"
    known = load_record(home, RECORD, path)
    _must(claude, environ, "uninstall", f"{PLUGIN}@{MARKETPLACE}")
    _must(claude, environ, "marketplace", "remove", MARKETPLACE)
    after = content_of(path)
    if known is not None:
        replace(path, after, known.original if before == known.written else _cleared(path, after, known))
    for copy in (config / "plugins/cache" / MARKETPLACE, config / "plugins/data" / f"{PLUGIN}-{MARKETPLACE}"):
        if copy.is_dir() and not copy.is_symlink():
            shutil.rmtree(copy)
    drop_record(home, RECORD, path)
    return "removed" if known is None else "restored"


def _cleared(path: Path, after: bytes | None, known: HookRecord) -> bytes | None:
    """The settings with what the user changed since, without the objects that are empty now and were not there."""
    text, original = text_of(path, after), document_of(path, known.original)
    for key in LEFT_EMPTY:
        try:
            if text and value_at(read(text).value, (key,)) == {} and value_at(original, (key,)) is None:
                text = without(text, (key,))
        except NotJson:
            return after
    if document_of(path, text.encode()) == original:
        return known.original
    return text.encode() if text else after


def _is_enabled(path: Path, content: bytes | None) -> bool:
    return value_at(document_of(path, content), ("enabledPlugins", f"{PLUGIN}@{MARKETPLACE}")) is not None


def _must(claude: Path, environ: Mapping[str, str], *words: str) -> None:
    command = [str(claude), "plugin", *words]
    try:
        done = subprocess.run(
            command,
            env=dict(environ),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=PATIENCE,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise BadInput(f"`claude plugin {' '.join(words)}` did not end in {PATIENCE:g} s: try it by hand") from None
    except OSError as error:
        raise BadInput(f"{claude} cannot be run: {error}") from None
    if done.returncode:
        said = done.stdout.decode(errors="replace").strip().rpartition("\n")[2]
        raise BadInput(f"`claude plugin {' '.join(words)}` failed: {said or f'exit status {done.returncode}'}")
