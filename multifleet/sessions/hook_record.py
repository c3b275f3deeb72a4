"""What `hooks install` remembers: how the client's file was before, so that `hooks uninstall` gives it back as it was.

Lies in the node's home, for its user alone: a settings file may have keys and tokens in it.
"""

from pathlib import Path

import msgspec

from multifleet.private_files import private_folder, read_private, write_private

FOLDER = "hooks"
LIMIT = 16 * 1024 * 1024


class HookRecord(msgspec.Struct, frozen=True):
    """Of one client's file."""

    path: str
    """The file itself, where the client's path is a link too."""
    original: bytes | None
    """Its content before; None where there was no such file."""
    written: bytes
    """Its content after."""
    made: tuple[tuple[str, ...], ...] = ()
    """Objects and arrays that had to be made for the hooks."""
    folder_made: bool = False
    """Whether the file's folder had to be made."""


def load_record(home: Path, client: str) -> HookRecord | None:
    """What is remembered of this client; None where nothing is, or it cannot be read."""
    data = read_private(_place(home, client), LIMIT)
    if data is None:
        return None
    try:
        return msgspec.json.decode(data, type=HookRecord)
    except msgspec.DecodeError:
        return None


def save_record(home: Path, client: str, record: HookRecord) -> None:
    """Remember it, on disk when this returns."""
    place = _place(home, client)
    private_folder(place.parent)
    write_private(place, msgspec.json.encode(record))


def drop_record(home: Path, client: str) -> None:
    """Forget it."""
    place = _place(home, client)
    place.unlink(missing_ok=True)
    if place.parent.is_dir() and not any(place.parent.iterdir()):
        place.parent.rmdir()


def _place(home: Path, client: str) -> Path:
    return home / FOLDER / f"{client}.json"
