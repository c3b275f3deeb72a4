import sqlite3

import pytest

from multifleet.errors import StoreDamaged, StoreUnavailable
from multifleet.store.failures import is_damage, storage_failure


def error_of(code: int) -> sqlite3.Error:
    error = sqlite3.OperationalError("told by SQLite")
    error.sqlite_errorcode = code
    return error


@pytest.mark.parametrize(
    ("code", "word"),
    [
        (sqlite3.SQLITE_FULL, "disk is full"),
        (sqlite3.SQLITE_READONLY, "writable"),
        (sqlite3.SQLITE_READONLY_DBMOVED, "writable"),  # extended codes count as their primary one
        (sqlite3.SQLITE_IOERR_FSYNC, "check the disk"),
        (sqlite3.SQLITE_CANTOPEN, "folder exists"),
        (sqlite3.SQLITE_BUSY, "another process"),
    ],
)
def test_what_the_disk_does_is_told_in_words_that_say_what_to_do(code: int, word: str) -> None:
    failure = storage_failure(error_of(code))
    assert isinstance(failure, StoreUnavailable)
    assert word in str(failure)


@pytest.mark.parametrize("code", [sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB])
def test_a_damaged_file_is_its_own_failure(code: int) -> None:
    assert is_damage(error_of(code))
    assert isinstance(storage_failure(error_of(code)), StoreDamaged)


def test_a_wrong_call_is_not_the_stores_failure() -> None:
    assert storage_failure(error_of(sqlite3.SQLITE_CONSTRAINT)) is None
    assert storage_failure(ValueError()) is None
