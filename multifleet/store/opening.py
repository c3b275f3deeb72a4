"""Opens the database file: private, durable, sound, of our schema. A damaged one is set aside, never lost."""

import logging
import os
import sqlite3
import sys
import time
from collections.abc import Callable
from pathlib import Path

from multifleet.errors import ConfigError, StoreDamaged, StoreUnavailable
from multifleet.store.failures import is_damage, storage_failure

log = logging.getLogger(__name__)

_MIGRATIONS = Path(__file__).parent / "migrations"
_BUSY_MS = 1_000
_CHECK_BELOW_BYTES = 64 * 1024 * 1024
"""A larger file is not checked at start: reading it all would delay the daemon by more than it is worth."""


Prepare = Callable[[sqlite3.Connection], None]


def open_sound(
    path: Path, *, set_aside: bool, prepare: Prepare | None = None
) -> tuple[sqlite3.Connection, Path | None]:
    """A migrated write connection, and where a damaged file was put if there was one."""
    aside: Path | None = None
    try:
        return _open_checked(path, prepare), None
    except sqlite3.Error as error:
        if not is_damage(error):
            raise (storage_failure(error) or error) from error
        if not set_aside:
            raise StoreDamaged(f"{path} is damaged: start the daemon, it sets it aside and goes on") from error
        aside = _set_aside(path)
    try:
        return _open_checked(path, prepare), aside
    except sqlite3.Error as error:
        raise (storage_failure(error) or error) from error


def connect_writer(path: Path) -> sqlite3.Connection:
    """A connection for the one writer, with durability asserted; schema and soundness are not looked at."""
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        if path.stat().st_mode & 0o077:
            path.chmod(0o600)
    except OSError as error:
        raise StoreUnavailable(f"the store cannot be opened: {error.strerror}: {path}") from error
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, cached_statements=256)
    try:
        connection.execute(f"PRAGMA busy_timeout = {_BUSY_MS}")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
        if sys.platform == "darwin":
            connection.execute("PRAGMA fullfsync = ON")
            connection.execute("PRAGMA checkpoint_fullfsync = ON")
        _assert_durable(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def connect_reader(path: Path) -> sqlite3.Connection:
    """A connection that cannot write."""
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode=ro", uri=True, isolation_level=None, check_same_thread=False
    )
    connection.execute(f"PRAGMA busy_timeout = {_BUSY_MS}")
    return connection


def mark_suspect(path: Path) -> None:
    """Has the next start check the whole file, because reading it went wrong."""
    try:
        os.close(os.open(_suspect(path), os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600))
    except OSError as error:
        log.error("the damaged store could not be marked: %s", error)


def schema_version() -> int:
    """The newest schema this program knows."""
    return _migrations()[-1][0]


def _assert_durable(connection: sqlite3.Connection) -> None:
    mode = connection.execute("PRAGMA journal_mode").fetchone()[0]
    synchronous = connection.execute("PRAGMA synchronous").fetchone()[0]
    if mode != "wal" or synchronous != 2:
        raise ConfigError(
            f"the store's disk cannot keep promises (journal {mode}, synchronous {synchronous}):"
            " put MULTIFLEET_HOME on a local disk"
        )


def _open_checked(path: Path, prepare: Prepare | None) -> sqlite3.Connection:
    suspect = _suspect(path)
    closed_badly = _size(path.with_name(path.name + "-wal")) > 0
    if suspect.exists() or (closed_badly and _size(path) < _CHECK_BELOW_BYTES):
        _check(path)
        suspect.unlink(missing_ok=True)
    connection = connect_writer(path)
    try:
        _migrate(connection)
        if prepare is not None:
            prepare(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def _check(path: Path) -> None:
    # By a reader, because a writer that closes would fold the WAL into the damaged file.
    connection = connect_reader(path)
    try:
        verdict = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    finally:
        connection.close()
    if verdict != "ok":
        raise _damage(verdict)


def _suspect(path: Path) -> Path:
    return path.with_name(path.name + ".suspect")


def _damage(verdict: str) -> sqlite3.DatabaseError:
    error = sqlite3.DatabaseError(verdict)
    error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
    return error


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _migrations() -> list[tuple[int, Path]]:
    return sorted((int(path.name.split("_")[0]), path) for path in _MIGRATIONS.glob("*.sql"))


def _migrate(connection: sqlite3.Connection) -> None:
    known = _migrations()
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version > known[-1][0]:
        raise ConfigError(f"the store was made by a newer multifleet (schema {version}, known {known[-1][0]}): upgrade")
    for number, path in known:
        if number > version:
            script = path.read_text(encoding="utf-8")
            connection.executescript(f"BEGIN IMMEDIATE;\n{script}\nPRAGMA user_version = {number};\nCOMMIT;")


def _set_aside(path: Path) -> Path:
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    aside = path.with_name(f"{path.name}.damaged-{stamp}")
    count = 1
    while aside.exists():
        count += 1
        aside = path.with_name(f"{path.name}.damaged-{stamp}-{count}")
    for suffix in ("-wal", "-shm", ""):
        part = path.with_name(path.name + suffix)
        if part.exists():
            part.rename(aside.with_name(aside.name + suffix))
    _suspect(path).unlink(missing_ok=True)
    return aside
