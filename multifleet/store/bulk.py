"""One SQL statement for many rows. Each step of SQLite gives up and takes back Python's lock, and beside a
busy event loop taking it back is slow: so a batch is a few large statements, never one for each row.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any

_CHUNK = 64
"""Rows in one statement at most; the rest goes in powers of two, so that few statements are prepared."""


def chunks(count: int) -> Iterator[tuple[int, int]]:
    """(first, last + 1) pairs that cover `count` rows in chunks of 64, then of falling powers of two."""
    first = 0
    while count - first >= _CHUNK:
        yield first, first + _CHUNK
        first += _CHUNK
    size = _CHUNK
    while first < count:
        size >>= 1
        if count - first >= size:
            yield first, first + size
            first += size


class Bulk:
    """A statement with a VALUES list of as many rows as are given; `{rows}` stands for the list."""

    def __init__(self, sql: str, columns: int) -> None:
        self._sql = sql
        self._row = "(" + ",".join("?" * columns) + ")"
        self._made: dict[int, str] = {}

    def _statement(self, size: int) -> str:
        made = self._made.get(size)
        if made is None:
            made = self._made[size] = self._sql.replace("{rows}", ",".join([self._row] * size))
        return made

    def run(self, connection: sqlite3.Connection, rows: Sequence[Sequence[Any]]) -> int:
        """Executes it over the rows; returns how many rows of the table changed."""
        changed = 0
        for first, end in chunks(len(rows)):
            values = list(chain.from_iterable(rows[first:end]))
            changed += connection.execute(self._statement(end - first), values).rowcount
        return changed

    def fetch(self, connection: sqlite3.Connection, rows: Sequence[Sequence[Any]]) -> list[tuple[Any, ...]]:
        """Queries with it over the rows; returns every row found."""
        found: list[tuple[Any, ...]] = []
        for first, end in chunks(len(rows)):
            values = list(chain.from_iterable(rows[first:end]))
            found += connection.execute(self._statement(end - first), values).fetchall()
        return found
