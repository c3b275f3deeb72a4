"""The writer: one thread that commits all that is queued at once (natural batching: no timer, no linger).

While one transaction is being flushed, the next one gathers. It never drops a call without saying so, and no
error of a call or of the disk ends the thread.
"""

import asyncio
import logging
import sqlite3
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from multifleet.errors import MultifleetError, StoreDamaged, StoreUnavailable
from multifleet.store.failures import is_damage, primary_code, storage_failure
from multifleet.store.gathering import runs
from multifleet.store.opening import connect_writer, mark_suspect

log = logging.getLogger(__name__)

_MOST_CALLS = 1_000
"""Calls in one transaction, so that no caller waits for an endless one."""

_REAL_WRITE = "PRAGMA application_id = 0x6d660001"
"""Part of each transaction after a failure: an empty one would succeed on a full disk and prove nothing."""

_NO_REOPEN = {sqlite3.SQLITE_FULL, sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}


@dataclass(slots=True, eq=False)
class Call:
    """One argument for one write function, and who waits for its result."""

    write: Callable[[sqlite3.Connection, Sequence[Any]], Sequence[Any]]
    argument: Any
    future: "asyncio.Future[Any] | None"
    done: Callable[[Any], None] | None = None


Outcome = tuple[Call, Any, BaseException | None]


def is_kept(call: Call, error: BaseException | None) -> bool:
    """Whether a call stays in line: nobody waits for it and only the disk was against it."""
    return call.future is None and isinstance(error, StoreUnavailable | StoreDamaged)


class Writer:
    """Takes calls from the event loop's thread and hands `delivered` their outcomes, one list for a batch."""

    def __init__(self, connection: sqlite3.Connection, path: Path, delivered: Callable[[list[Outcome]], None]) -> None:
        self._connection: sqlite3.Connection | None = connection
        self._path = path
        self._delivered = delivered
        self._queue: deque[Call] = deque()
        self._bell: SimpleQueue[bool] = SimpleQueue()
        self._rung = False
        self.commits = 0
        self.degraded: str | None = None
        self._thread = threading.Thread(target=self._run, name="store writer", daemon=True)
        self._thread.start()

    def queue(self, call: Call) -> None:
        """Puts a call in line; it is taken with the next batch, whenever that is."""
        self._queue.append(call)

    def ring(self) -> None:
        """Has the line worked off now."""
        if not self._rung:
            self._rung = True
            self._bell.put(True)

    def waiting(self) -> int:
        """How many calls are in line."""
        return len(self._queue)

    def stop(self) -> None:
        """Lets the thread commit what is in line and end."""
        self._bell.put(False)

    def join(self) -> None:
        """Waits for the thread's end."""
        self._thread.join()

    def _run(self) -> None:
        more = True
        while more:
            more = self._bell.get()
            self._rung = False
            left = len(self._queue)
            kept: list[Call] = []
            while left > 0:
                batch = [self._queue.popleft() for _ in range(min(left, _MOST_CALLS))]
                left -= len(batch)
                outcomes = self._settle(batch)
                kept += [call for call, _, error in outcomes if is_kept(call, error)]
                self._delivered(outcomes)
            self._queue.extendleft(reversed(kept))
        if self._connection is not None:
            self._connection.close()

    def _settle(self, batch: list[Call]) -> list[Outcome]:
        try:
            return self._commit(batch, self._run_merged)
        except Exception as error:  # noqa: BLE001 - it goes to the callers, the thread lives on
            self._roll_back()
            if storage_failure(error) is not None or len(batch) == 1:
                return self._failed(batch, error)
        try:
            return self._commit(batch, self._run_singly)
        except Exception as error:  # noqa: BLE001 - it goes to the callers, the thread lives on
            self._roll_back()
            return self._failed(batch, error)

    def _commit(
        self, batch: list[Call], run: Callable[[sqlite3.Connection, list[Call]], list[Outcome]]
    ) -> list[Outcome]:
        if self._connection is None:
            self._connection = connect_writer(self._path)
        connection = self._connection
        connection.execute("BEGIN IMMEDIATE")
        if self.degraded is not None:
            connection.execute(_REAL_WRITE)
        outcomes = run(connection, batch)
        connection.execute("COMMIT")
        self.commits += 1
        if self.degraded is not None:
            self.degraded = None
            log.warning("store writes again")
        return outcomes

    @staticmethod
    def _run_merged(connection: sqlite3.Connection, batch: list[Call]) -> list[Outcome]:
        outcomes: list[Outcome] = []
        for calls in runs(batch):
            results = calls[0].write(connection, [call.argument for call in calls])
            outcomes += [(call, result, None) for call, result in zip(calls, results, strict=True)]
        return outcomes

    @staticmethod
    def _run_singly(connection: sqlite3.Connection, batch: list[Call]) -> list[Outcome]:
        outcomes: list[Outcome] = []
        for call in batch:
            connection.execute("SAVEPOINT one")
            try:
                (result,) = call.write(connection, [call.argument])
            except Exception as error:
                if storage_failure(error) is not None or not connection.in_transaction:
                    raise
                connection.execute("ROLLBACK TO one")
                outcomes.append((call, None, error))
            else:
                outcomes.append((call, result, None))
            connection.execute("RELEASE one")
        return outcomes

    def _roll_back(self) -> None:
        if self._connection is None or not self._connection.in_transaction:
            return
        try:
            self._connection.execute("ROLLBACK")
        except sqlite3.Error as error:
            log.error("store rollback failed, connection given up: %s", error)
            self._give_up_connection()

    def _give_up_connection(self) -> None:
        if self._connection is not None:
            connection, self._connection = self._connection, None
            try:
                connection.close()
            except sqlite3.Error as error:
                log.error("store connection did not close: %s", error)

    def _failed(self, batch: list[Call], error: Exception) -> list[Outcome]:
        failure = error if isinstance(error, MultifleetError) else storage_failure(error)
        if isinstance(error, sqlite3.Error) and failure is not None:
            if self.degraded is None:
                log.error("store cannot write: %s (%s)", failure, error)
            self.degraded = str(failure)
            if is_damage(error):
                mark_suspect(self._path)
            if primary_code(error) not in _NO_REOPEN:
                self._give_up_connection()
        if failure is None:
            return [(call, None, error) for call in batch]
        # Every waiter gets an exception of its own: a shared one would collect all their tracebacks.
        return [(call, None, type(failure)(str(failure))) for call in batch]
