"""What SQLite's errors mean to a caller: the one place that translates them. It never hides one."""

import sqlite3

from multifleet.errors import MultifleetError, StoreDamaged, StoreUnavailable

_REASONS = {
    sqlite3.SQLITE_FULL: "the disk is full: free some space, the store then goes on by itself",
    sqlite3.SQLITE_READONLY: "the store cannot be written: make its folder and disk writable again",
    sqlite3.SQLITE_IOERR: "the disk reports errors: look at the system log and check the disk",
    sqlite3.SQLITE_CANTOPEN: "the store cannot be opened: check that its folder exists and is yours",
    sqlite3.SQLITE_PERM: "the store cannot be opened: check that its folder exists and is yours",
    sqlite3.SQLITE_BUSY: "another process holds the store: stop it, `lock` in the home names the daemon",
    sqlite3.SQLITE_LOCKED: "another process holds the store: stop it, `lock` in the home names the daemon",
    sqlite3.SQLITE_NOMEM: "out of memory: free some",
}
_DAMAGE = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}


def primary_code(error: sqlite3.Error) -> int:
    """SQLite's primary result code, or SQLITE_ERROR for errors of the Python module itself."""
    code: int = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
    return code & 0xFF


def is_damage(error: sqlite3.Error) -> bool:
    """Whether the file itself is not, or no longer, a sound database."""
    return primary_code(error) in _DAMAGE


def storage_failure(error: BaseException) -> MultifleetError | None:
    """The store's own failure behind an error, or None when the call itself was wrong."""
    if not isinstance(error, sqlite3.Error):
        return None
    if is_damage(error):
        return StoreDamaged("the store is damaged: restart the daemon, it sets the file aside and goes on")
    reason = _REASONS.get(primary_code(error))
    return StoreUnavailable(reason) if reason else None
