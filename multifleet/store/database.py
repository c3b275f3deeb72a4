"""The database: one writer thread with group commit, one reader beside it. It knows no table.

`write` returns after COMMIT, `write_later` rides on the next one. A caller that was told of a commit keeps
it through kill -9 and power cuts.
"""

import asyncio
import logging
import os
import sqlite3
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Self, TypeVar

from multifleet.errors import StoreDamaged, StoreUnavailable
from multifleet.store.failures import is_damage, storage_failure
from multifleet.store.gathering import AnyWrite, runs_after
from multifleet.store.opening import connect_reader, mark_suspect, open_sound
from multifleet.store.writer import Call, Outcome, Writer, is_kept

log = logging.getLogger(__name__)

A = TypeVar("A")
R = TypeVar("R")
Write = Callable[[sqlite3.Connection, Sequence[A]], Sequence[R]]
"""Writes all arguments in the open transaction; returns one result for each, in order."""

_LATEST = 0.5
_RETRY = 1.0
_ROOM_BYTES = 256 * 1024
_MOST_KEPT = 20_000
"""Later writes kept through a failing disk; the newest beyond are dropped: peers repeat their statements."""


class Database:
    """Used from one event loop; made by `open`."""

    def __init__(self, path: Path, connection: sqlite3.Connection, set_aside: Path | None) -> None:
        self.path = path
        self.set_aside = set_aside
        self.lost_later = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._unsettled: Counter[AnyWrite] = Counter()
        self._closed = False
        self._ringing = False
        self._reader: sqlite3.Connection | None = None
        self._reader_thread = ThreadPoolExecutor(1, "store reader")
        self._writer = Writer(connection, path, self._hand_back)

    @classmethod
    def open(
        cls,
        path: Path,
        *,
        set_aside: bool = True,
        prepare: Callable[[sqlite3.Connection], None] | None = None,
    ) -> Self:
        """Opens or makes the file (0600), migrated; `prepare` may then write what belongs into every one.
        Raises StoreUnavailable, StoreDamaged or ConfigError.
        """
        connection, aside = open_sound(path, set_aside=set_aside, prepare=prepare)
        if aside is not None:
            log.error("damaged store set aside as %s, a new one was made", aside.name)
        return cls(path, connection, aside)

    @property
    def degraded(self) -> str | None:
        """Why the store cannot be written at the moment; None when it can."""
        return self._writer.degraded

    @property
    def commits(self) -> int:
        """Transactions committed since it was opened."""
        return self._writer.commits

    async def write(self, write: Write[A, R], argument: A) -> R:
        """Durable when it returns; raises what the write raised, or StoreUnavailable."""
        loop = self._require_open()
        future: asyncio.Future[R] = loop.create_future()
        self._writer.queue(Call(write, argument, future))
        if not self._ringing:
            # Once for all callers of this turn of the loop: a writer woken by the first would fight the others for the
            # interpreter, and commit them apart.
            self._ringing = True
            loop.call_soon(self._ring_now)
        return await future

    def write_later(self, write: Write[A, R], argument: A, done: Callable[[R], None] | None = None) -> None:
        """Rides on the next commit, within 0.5 s; kept through disk failures. `done` runs after it."""
        loop = self._require_open()
        if self._writer.degraded is not None and self._unsettled.total() >= _MOST_KEPT:
            self._lose("the disk has failed for too long")
            return
        self._unsettled[write] += 1
        self._writer.queue(Call(write, argument, None, done))
        if self._timer is None:
            self._timer = loop.call_later(_LATEST, self._ring)

    async def settled(self) -> None:
        """Everything handed over before is committed when it returns; raises StoreUnavailable."""
        await self.write(_nothing, None)

    async def read(self, query: Callable[[sqlite3.Connection], R], sees: Collection[AnyWrite] | None = None) -> R:
        """Runs a query in the reader's thread; it sees all that was handed over, unless the disk fails.

        `sees` names the later writes that matter to it: for others alone there is no commit before it.
        """
        loop = self._require_open()
        if any(self._unsettled[write] for write in (self._unsettled if sees is None else sees)):
            try:
                await self.settled()
            except (StoreUnavailable, StoreDamaged):
                pass  # A failing disk can often still be read: show what is on it.
        return await loop.run_in_executor(self._reader_thread, self._query, query)

    def read_now(self, query: Callable[[sqlite3.Connection], R]) -> R:
        """Runs a query in the caller's thread, for the start; it sees what is committed."""
        connection = connect_reader(self.path)
        try:
            return query(connection)
        finally:
            connection.close()

    async def aclose(self) -> None:
        """Commits what waits and closes; nothing may be asked afterwards."""
        if not self._begin_close():
            return
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(None, self._finish_close)

    def close(self) -> None:
        """The same from outside the event loop."""
        if self._begin_close():
            self._finish_close()

    def _begin_close(self) -> bool:
        if self._closed:
            return False
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
        return True

    def _finish_close(self) -> None:
        # The writer closes last: the last connection folds the WAL into the file, and only a writer can.
        self._reader_thread.submit(self._close_reader).result()
        self._reader_thread.shutdown()
        self._writer.stop()
        self._writer.join()
        left = self._writer.waiting()
        if left:
            log.error("%d later writes could not be committed before the store was closed", left)

    def _require_open(self) -> asyncio.AbstractEventLoop:
        if self._closed:
            raise StoreUnavailable("the store is closed: the daemon is stopping, ask again")
        if self._loop is None:
            self._loop = asyncio.get_running_loop()
        return self._loop

    def _ring_now(self) -> None:
        self._ringing = False
        if not self._closed:
            self._writer.ring()

    def _ring(self) -> None:
        self._timer = None
        if not self._closed:
            self._writer.ring()

    def _query(self, query: Callable[[sqlite3.Connection], R]) -> R:
        try:
            if self._reader is None:
                self._reader = connect_reader(self.path)
            return query(self._reader)
        except sqlite3.Error as error:
            failure = storage_failure(error)
            if failure is None:
                raise
            self._close_reader()
            if is_damage(error):
                mark_suspect(self.path)
            raise failure from error

    def _close_reader(self) -> None:
        if self._reader is not None:
            self._reader.close()
            self._reader = None

    def _hand_back(self, outcomes: list[Outcome]) -> None:
        if self._loop is None:
            return
        try:
            self._loop.call_soon_threadsafe(self._tell, outcomes)
        except RuntimeError:
            log.debug("the event loop was closed before its writes were answered")

    def _tell(self, outcomes: list[Outcome]) -> None:
        for call, result, error in outcomes:
            if call.future is None:
                self._tell_later(call, result, error)
            elif call.future.done():
                continue  # Its caller was cancelled; the write is done all the same.
            elif error is None:
                call.future.set_result(result)
            else:
                call.future.set_exception(error)
        if self._writer.degraded is not None and self._timer is None and not self._closed:
            self._timer = asyncio.get_running_loop().call_later(_RETRY, self._try_again)

    def _try_again(self) -> None:
        self._timer = None
        if self._closed:
            return
        if not _has_room(self.path.parent):
            self._timer = asyncio.get_running_loop().call_later(_RETRY, self._try_again)
            return
        if not self._writer.waiting():
            self._unsettled[_nothing] += 1
            self._writer.queue(Call(_nothing, None, None))
        self._writer.ring()

    def _tell_later(self, call: Call, result: Any, error: BaseException | None) -> None:
        if is_kept(call, error):
            return
        self._unsettled[call.write] -= 1
        if error is not None:
            self._lose(repr(error))
        elif call.done is not None:
            call.done(result)

    def _lose(self, reason: str) -> None:
        self.lost_later += 1
        log.error("a later write was lost: %s", reason)


def _has_room(folder: Path) -> bool:
    # A nearly full disk takes a small write now and then, which would look like a recovery.
    try:
        disk = os.statvfs(folder)
    except OSError:
        return True  # Not a question of room: the try itself will tell.
    return disk.f_bavail * disk.f_frsize >= _ROOM_BYTES


@runs_after
def _nothing(connection: sqlite3.Connection, arguments: Sequence[None]) -> Sequence[None]:
    return arguments
