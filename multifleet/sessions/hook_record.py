"""What `hooks install` and `plugin install` remember: how the client's file was before, to give it back as it was.

Lies in the node's home, for its user alone: a settings file may have keys and tokens in it.
"""

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

import msgspec

from multifleet.private_files import private_folder, read_private, write_private

FOLDER = "hooks"
LIMIT = 16 * 1024 * 1024
PLUGIN_RECORD = "claude-plugin"
"""The kind of what is remembered of the plugin; of hooks it is the client."""


class HookRecord(msgspec.Struct, frozen=True):
    """Of one client's file."""

    path: str
    """The file itself, also where the client's path is a link to it."""
    original: bytes | None
    """Its content before; None where there was no such file."""
    written: bytes
    """Its content after; empty where something else came to lie over it."""
    made: tuple[tuple[str, ...], ...] = ()
    """Objects and arrays that had to be made for the hooks."""
    folder_made: bool = False
    """Whether the file's folder had to be made."""


def load_record(home: Path, kind: str, path: Path) -> HookRecord | None:
    """What is remembered of this file; None where nothing is, or it cannot be read."""
    data = read_private(_place(home, kind, path), LIMIT)
    if data is None:
        return None
    try:
        return msgspec.json.decode(data, type=HookRecord)
    except msgspec.DecodeError:
        return None


def save_record(home: Path, kind: str, record: HookRecord) -> None:
    """Remember it, on disk when this returns; `kind` is the client, or what else was put there."""
    place = _place(home, kind, Path(record.path))
    private_folder(place.parent)
    write_private(place, msgspec.json.encode(record))


def drop_record(home: Path, kind: str, path: Path) -> None:
    """Forget it."""
    place = _place(home, kind, path)
    place.unlink(missing_ok=True)
    if place.parent.is_dir() and not any(place.parent.iterdir()):
        place.parent.rmdir()


def another_left(
    home: Path,
    kind: str,
    path: Path,
    take_out: Callable[[bytes | None], bytes | None],
    before: bytes | None,
    after: bytes | None,
) -> None:
    """Another thing of ours was taken out of the file, which was `before` and is `after`.

    Where it had been put there first, it stands in what this kind remembers of the file as it was: it goes there, too.
    """
    known = load_record(home, kind, path)
    if known is None or (original := take_out(known.original)) == known.original:
        return
    written = (after or b"") if known.written == before else b""
    save_record(home, kind, msgspec.structs.replace(known, original=original, written=written))


def _place(home: Path, kind: str, path: Path) -> Path:
    which = hashlib.sha256(os.fsencode(path)).hexdigest()[:12]
    return home / FOLDER / f"{kind}-{which}.json"
