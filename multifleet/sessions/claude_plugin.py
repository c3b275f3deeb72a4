"""Has Claude Code install our plugin and remove it again, and gives its user's settings back as they were.

The client does the one and the other by its own commands. It writes the settings anew with that, leaves empty objects
in them and a copy of the plugin beside them: what is only of that kind is put right afterwards, and nothing else.
"""

import shutil
import subprocess
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Literal

from multifleet.core.json_edit import value_at, without
from multifleet.errors import BadInput
from multifleet.sessions.hook_record import (
    PLUGIN_RECORD,
    HookRecord,
    another_left,
    drop_record,
    load_record,
    save_record,
)
from multifleet.sessions.settings_file import content_of, document_of, real_place, replace, text_of

PLUGIN, MARKETPLACE = "multifleet", "multifleet-local"
HOOKS_RECORD = "claude"
ENABLED = ("enabledPlugins", f"{PLUGIN}@{MARKETPLACE}")
LISTED = ("extraKnownMarketplaces", MARKETPLACE)
"""Where the client notes in its user's settings that it has the plugin, and where from."""
PATIENCE = 120.0
"""Seconds for a command of the client."""

Removed = Literal["restored", "changed", "removed", "none"]
"""The settings are as they were; they have what was changed since; how they were is not known; there was no plugin."""


def install_plugin(claude: Path, root: Path, config: Path, home: Path, environ: Mapping[str, str]) -> None:
    """Offer this installation to the client and have it install the plugin; BadInput says what it complains of."""
    path = real_place(config / "settings.json")
    before = content_of(path)
    document_of(path, before)  # what cannot be read now could not be given back
    known = load_record(home, PLUGIN_RECORD, path)
    is_enabled = _has(path, before, ENABLED)
    goes_on = not is_enabled or (known is not None and known.written == before)
    if not is_enabled:
        folder_made = known.folder_made if known else not config.is_dir()
        original = _without_plugin(path, known, before) if known else before
        known = HookRecord(str(path), original, b"", (), folder_made)
        save_record(home, PLUGIN_RECORD, known)  # first, so that whatever comes now the way back is known
    _must(claude, environ, "marketplace", "add", str(root))
    _must(claude, environ, "install", f"{PLUGIN}@{MARKETPLACE}")
    if known is not None:  # else the user had the client install it, and nobody knows how the settings were
        written = (content_of(path) or b"") if goes_on else b""
        save_record(home, PLUGIN_RECORD, HookRecord(known.path, known.original, written, (), known.folder_made))


def uninstall_plugin(claude: Path | None, config: Path, home: Path, environ: Mapping[str, str]) -> Removed:
    """Have the client remove the plugin, and clear away what it leaves; where there is nothing, none is needed."""
    path = real_place(config / "settings.json")
    before = content_of(path)
    known = load_record(home, PLUGIN_RECORD, path)
    is_enabled = _has(path, before, ENABLED)
    if is_enabled:
        _must(claude, environ, "uninstall", f"{PLUGIN}@{MARKETPLACE}")
    was_listed = known is not None and _has(path, known.original, LISTED)
    if not was_listed and (is_enabled or _has(path, before, LISTED)):
        _must(claude, environ, "marketplace", "remove", MARKETPLACE)
    left = content_of(path)
    after = left
    if known is not None or left != before:
        after = known.original if known and before == known.written else _without_plugin(path, known, left)
    if after != left:
        replace(path, left, after)
    another_left(home, HOOKS_RECORD, path, partial(_without_plugin_if_in, path, known), before, after)
    for copy in (config / "plugins/cache" / MARKETPLACE, config / "plugins/data" / f"{PLUGIN}-{MARKETPLACE}"):
        if copy.is_dir() and not copy.is_symlink():
            shutil.rmtree(copy)
    drop_record(home, PLUGIN_RECORD, path)
    if after == before:
        return "none"
    return "removed" if known is None else "restored" if after == known.original else "changed"


def _without_plugin_if_in(path: Path, known: HookRecord | None, content: bytes | None) -> bytes | None:
    is_in = _has(path, content, ENABLED) or _has(path, content, LISTED)
    return _without_plugin(path, known, content) if is_in else content


def _without_plugin(path: Path, known: HookRecord | None, content: bytes | None) -> bytes | None:
    """The settings with what the user changed since, without the plugin and the objects that were made for it."""
    text, original = text_of(path, content), document_of(path, known.original if known else None)
    for inner, made in ((ENABLED, False), (LISTED, False), (ENABLED[:1], True), (LISTED[:1], True)):
        found = value_at(document_of(path, text.encode()), inner)
        if found is not None and value_at(original, inner) is None and (not made or found == {}):
            text = without(text, inner)
    if known is not None and document_of(path, text.encode()) == original:
        return known.original
    return text.encode() if text else content


def _has(path: Path, content: bytes | None, place: tuple[str, str]) -> bool:
    return value_at(document_of(path, content), place) is not None


def _must(claude: Path | None, environ: Mapping[str, str], *words: str) -> None:
    if claude is None:
        raise BadInput(
            "the plugin is installed, and Claude Code, whose own command takes it out, is not on this machine's PATH: "
            "put `claude` there and do it again; nothing was changed"
        )
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
