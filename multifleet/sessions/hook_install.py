"""Installs our hooks in an agent client's own settings, and takes them out again without a trace.

The settings are the user's. What is not ours in them stays byte for byte, also what was changed since; where nothing
was, uninstalling gives back the very file that was there before, or none. A file that cannot be read is left alone.
"""

import os
import secrets
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from multifleet.core.json_reading import NotJson, read
from multifleet.errors import BadInput
from multifleet.private_files import flush_folder
from multifleet.sessions.hook_clients import HookFile
from multifleet.sessions.hook_edit import ours_in, with_hooks, without_hooks
from multifleet.sessions.hook_record import HookRecord, drop_record, load_record, save_record
from multifleet.sessions.own_files import NotOurs, read_own_file

LIMIT = 4 * 1024 * 1024

How = Literal["all", "some", "older", "none"]


@dataclass(frozen=True, slots=True)
class Installed:
    """What of our hooks stands in a client's file: all as this version has them, some, an older form, or none."""

    how: How
    missing: tuple[str, ...] = ()
    """Events for which nothing of ours stands there."""


def look(file: HookFile) -> Installed:
    """What stands in the client's file; BadInput where it cannot be read."""
    found = ours_in(_document(file.path, _content(file.path)), file)
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
    path = _real(file.path)
    before = _content(path)
    known = load_record(home, file.client)
    if known is None or known.path != str(path) or not ours_in(_document(path, before), file):
        known = None  # nothing of ours stands there: what is there now is what is given back
    original = _taken_out(file, path, before, known)
    try:
        text, made = with_hooks(_text(path, original) or "{}\n", file)
    except NotJson as error:
        raise _unreadable(path, error) from None
    folder_made = known.folder_made if known else not path.parent.is_dir()
    record = HookRecord(str(path), original, text.encode(), made, folder_made)
    save_record(home, file.client, record)  # first, so that whatever comes now the way back is known
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    _replace(path, before, record.written)
    return True


def uninstall(file: HookFile, home: Path) -> bool:
    """Take our hooks out of the client's file; False where none stood there."""
    path = _real(file.path)
    before = _content(path)
    known = load_record(home, file.client)
    if known is not None and known.path != str(path):
        known = None
    found = bool(ours_in(_document(path, before), file))
    if found:
        after = _taken_out(file, path, before, known)
        _replace(path, before, after)
        if known is not None and known.folder_made and after is None and not any(path.parent.iterdir()):
            path.parent.rmdir()
    drop_record(home, file.client)
    return found


def _taken_out(file: HookFile, path: Path, before: bytes | None, known: HookRecord | None) -> bytes | None:
    """What the file is without us; None for no file."""
    text = _text(path, before)
    if not text:
        return before
    if known is not None and before == known.written:
        return known.original
    try:
        after = without_hooks(text, file, known.made if known else None)
    except NotJson as error:
        raise _unreadable(path, error) from None
    if known is not None and read(after).value == _document(path, known.original):
        return known.original  # only its form was changed, as the client does when it writes its settings
    return after.encode()


def _real(path: Path) -> Path:
    """Where the content lies: settings are often links into a folder that its user keeps in git."""
    try:
        return path.resolve()
    except (OSError, RuntimeError) as error:
        raise BadInput(f"{path} cannot be read ({error}): nothing was changed") from None


def _content(path: Path) -> bytes | None:
    try:
        return read_own_file(_real(path), LIMIT)
    except FileNotFoundError:
        return None
    except (OSError, NotOurs) as error:
        raise BadInput(f"{path} cannot be read ({error}): nothing was changed") from None


def _document(path: Path, content: bytes | None) -> object:
    text = _text(path, content)
    try:
        return read(text).value if text else {}
    except NotJson as error:
        raise _unreadable(path, error) from None


def _text(path: Path, content: bytes | None) -> str:
    """Empty where there is nothing but space."""
    try:
        text = (content or b"").decode()
    except UnicodeDecodeError:
        raise BadInput(f"{path} is not UTF-8 text: nothing was changed") from None
    return text if text.strip("\ufeff \t\r\n") else ""


def _unreadable(path: Path, error: NotJson) -> BadInput:
    return BadInput(f"{path}, {error}: mend it there first, nothing was changed")


def _replace(path: Path, before: bytes | None, after: bytes | None) -> None:
    """In one step, with the mode that it has; BadInput where somebody wrote to it meanwhile."""
    mode = 0o600 if before is None else stat.S_IMODE(os.stat(path).st_mode)
    aside = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        if after is not None:
            descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
            with open(descriptor, "wb") as written:
                os.fchmod(written.fileno(), mode)
                written.write(after)
                written.flush()
                os.fsync(written.fileno())
        if _content(path) != before:
            raise BadInput(f"{path} was changed by another program in this moment: do it again")
        if after is None:
            path.unlink(missing_ok=True)
        else:
            os.replace(aside, path)
    finally:
        aside.unlink(missing_ok=True)
    flush_folder(path.parent)
