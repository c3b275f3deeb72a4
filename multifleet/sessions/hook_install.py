"""Installs our hooks in an agent client's own settings, and takes them out again without a trace.

The settings are the user's. What is not ours in them stays byte for byte, also what was changed since; where nothing
was, uninstalling gives back the very file that was there before, or none. A file that cannot be read is left alone.
"""

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

from multifleet.core.json_reading import NotJson, read
from multifleet.sessions.hook_clients import HookFile
from multifleet.sessions.hook_edit import ours_in, with_hooks, without_hooks
from multifleet.sessions.hook_record import (
    PLUGIN_RECORD,
    HookRecord,
    another_left,
    drop_record,
    load_record,
    save_record,
)
from multifleet.sessions.settings_file import content_of, document_of, real_place, replace, text_of, unreadable

How = Literal["all", "some", "older", "none"]


@dataclass(frozen=True, slots=True)
class Installed:
    """What of our hooks stands in a client's file: all as this version has them, some, an older form, or none."""

    how: How
    missing: tuple[str, ...] = ()
    """Events for which nothing of ours stands there."""


def look(file: HookFile) -> Installed:
    """What stands in the client's file; BadInput where it cannot be read."""
    found = ours_in(document_of(file.path, content_of(file.path)), file)
    if not found:
        return Installed("none")
    if missing := tuple(event for event in file.groups if event not in found):
        return Installed("some", missing)
    wanted = {event: list(groups) for event, groups in file.groups.items()}
    return Installed("all" if found == wanted else "older")


def install(file: HookFile, home: Path) -> bool:
    """Merge our hooks into the client's file, as this version has them; False where they stand there already."""
    if look(file).how == "all":
        return False
    path = real_place(file.path)
    before = content_of(path)
    known = load_record(home, file.client, path)
    if not ours_in(document_of(path, before), file):
        known = None  # nothing of ours stands there: what is there now is what is given back
    original = _taken_out(file, path, before, known)
    try:
        text, made = with_hooks(text_of(path, original) or "{}\n", file)
    except NotJson as error:
        raise unreadable(path, error) from None
    folder_made = known.folder_made if known else not path.parent.is_dir()
    record = HookRecord(str(path), original, text.encode(), made, folder_made)
    save_record(home, file.client, record)  # first, so that whatever comes now the way back is known
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    replace(path, before, record.written)
    another_left(home, PLUGIN_RECORD, path, partial(_taken_out_if_in, file, path, known), before, b"")
    return True


def uninstall(file: HookFile, home: Path) -> bool:
    """Take our hooks out of the client's file; False where none stood there."""
    path = real_place(file.path)
    before = content_of(path)
    known = load_record(home, file.client, path)
    found = bool(ours_in(document_of(path, before), file))
    if found:
        after = _taken_out(file, path, before, known)
        replace(path, before, after)
        another_left(home, PLUGIN_RECORD, path, partial(_taken_out_if_in, file, path, known), before, after)
        if known is not None and known.folder_made and after is None and not any(path.parent.iterdir()):
            path.parent.rmdir()
    drop_record(home, file.client, path)
    return found


def _taken_out_if_in(file: HookFile, path: Path, known: HookRecord | None, content: bytes | None) -> bytes | None:
    return _taken_out(file, path, content, known) if ours_in(document_of(path, content), file) else content


def _taken_out(file: HookFile, path: Path, before: bytes | None, known: HookRecord | None) -> bytes | None:
    """What the file is without us; None for no file."""
    text = text_of(path, before)
    if not text:
        return before
    if known is not None and before == known.written:
        return known.original
    try:
        after = without_hooks(text, file, known.made if known else None)
    except NotJson as error:
        raise unreadable(path, error) from None
    if known is not None and read(after).value == document_of(path, known.original):
        return known.original  # only its form was changed, as the client does when it writes its settings
    return after.encode()
