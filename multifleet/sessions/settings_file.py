"""Reads a client's settings and puts others in their place, whole or not at all; what cannot be read is left alone.

The errors say that nothing was changed, because then nothing was.
"""

import os
import secrets
import stat
from pathlib import Path

from multifleet.core.json_reading import NotJson, read
from multifleet.errors import BadInput
from multifleet.private_files import flush_folder
from multifleet.sessions.own_files import NotOurs, read_own_file

LIMIT = 4 * 1024 * 1024


def real_place(path: Path) -> Path:
    """Where the content lies: settings are often links into a folder that its user keeps in git."""
    try:
        return path.resolve()
    except (OSError, RuntimeError) as error:
        raise BadInput(f"{path} cannot be read ({error}): nothing was changed") from None


def content_of(path: Path) -> bytes | None:
    """What stands in the file; None where there is none. BadInput where it cannot be read."""
    try:
        return read_own_file(real_place(path), LIMIT)
    except FileNotFoundError:
        return None
    except (OSError, NotOurs) as error:
        raise BadInput(f"{path} cannot be read ({error}): nothing was changed") from None


def text_of(path: Path, content: bytes | None) -> str:
    """The same as text; empty where there is nothing but space."""
    try:
        text = (content or b"").decode()
    except UnicodeDecodeError:
        raise BadInput(f"{path} is not UTF-8 text: nothing was changed") from None
    return text if text.strip("\ufeff \t\r\n") else ""


def document_of(path: Path, content: bytes | None) -> object:
    """The same as a document; an empty one where there is no text."""
    text = text_of(path, content)
    try:
        return read(text).value if text else {}
    except NotJson as error:
        raise unreadable(path, error) from None


def unreadable(path: Path, error: NotJson) -> BadInput:
    """What is told of a file that is no JSON, or has another shape than is needed."""
    return BadInput(f"{path}, {error}: mend it there first, nothing was changed")


def replace(path: Path, before: bytes | None, after: bytes | None) -> None:
    """Put this content there in one step, with the mode that the file has; None takes the file away.

    BadInput where somebody has written to it since `before` was read.
    """
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
        if content_of(path) != before:
            raise BadInput(f"{path} was changed by another program in this moment: do it again")
        if after is None:
            path.unlink(missing_ok=True)
        else:
            os.replace(aside, path)
    except OSError as error:
        raise BadInput(f"{path} cannot be written ({error}): nothing was changed") from None
    finally:
        aside.unlink(missing_ok=True)
    flush_folder(path.parent)
