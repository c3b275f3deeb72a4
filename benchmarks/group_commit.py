"""One writer thread over SQLite (WAL, FULL): whatever is queued when it is free becomes one transaction."""

import asyncio
import sqlite3
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

Work = Callable[[sqlite3.Connection, list[Any]], Sequence[Any]]
CHUNKS = (64, 32, 16, 8, 4, 2, 1)


def connect(path: Path, schema: str) -> sqlite3.Connection:
    """An open store that flushes on every commit."""
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, cached_statements=256)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.executescript(schema)
    return connection


def insert_rows(connection: sqlite3.Connection, statement: str, rows: list[tuple[Any, ...]]) -> None:
    """Many rows in few statements; `statement` has {} where the value groups stand."""
    done = 0
    for size in CHUNKS:
        while len(rows) - done >= size:
            chunk = rows[done : done + size]
            groups = ",".join(["(" + ",".join("?" * len(chunk[0])) + ")"] * size)
            connection.execute(statement.format(groups), [value for row in chunk for value in row])
            done += size


class GroupCommit:
    """Commits what callers put; futures resolve after the flush. `work` gives one result for each item."""

    def __init__(self, connection: sqlite3.Connection, work: Work) -> None:
        self._connection, self._work = connection, work
        self._waiting: list[tuple[Any, asyncio.Future[Any]]] = []
        self._changed = threading.Condition(threading.Lock())
        self._closed = False
        self._loop = asyncio.get_running_loop()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def put(self, item: object) -> asyncio.Future[Any]:
        future: asyncio.Future[Any] = self._loop.create_future()
        with self._changed:
            self._waiting.append((item, future))
            self._changed.notify()
        return future

    def close(self) -> None:
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._thread.join()
        self._connection.close()

    def _run(self) -> None:
        while True:
            with self._changed:
                while not self._waiting:
                    if self._closed:
                        return
                    self._changed.wait()
                batch, self._waiting = self._waiting, []
            self._connection.execute("BEGIN IMMEDIATE")
            results = self._work(self._connection, [item for item, _ in batch])
            self._connection.execute("COMMIT")
            self._loop.call_soon_threadsafe(self._tell, batch, results)

    @staticmethod
    def _tell(batch: list[tuple[Any, asyncio.Future[Any]]], results: Sequence[Any]) -> None:
        for (_, future), result in zip(batch, results, strict=True):
            if not future.done():
                future.set_result(result)
