"""The disk runs full or read-only and recovers: nothing promised is lost, and no restart is needed."""

import asyncio
import contextlib
import logging
import os
import sqlite3
import subprocess
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path

import pytest

from multifleet.errors import StoreUnavailable
from multifleet.store.database import Database
from multifleet.store.store import Store
from tests.store.conftest import NOW
from tests.store.made import outbox_row, queued, receipt

BIG = b"x" * 40_000


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of one megabyte."""
    disk = tmp_path / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m,mode=0700", "none", disk], check=True)
    yield disk
    subprocess.run(["umount", "--lazy", disk], check=True)


@pytest.fixture
async def limited(tmp_path: Path) -> AsyncIterator[Store]:
    """A store that SQLite itself keeps to 60 pages more than it has."""
    store = Store.open(tmp_path, NOW)
    await store.database.write(_limit, 60)
    yield store
    await store.aclose()


def _limit(connection: sqlite3.Connection, more: Sequence[int]) -> Sequence[None]:
    pages = connection.execute("PRAGMA page_count").fetchone()[0]
    connection.execute(f"PRAGMA max_page_count = {pages + more[0]}")
    return [None] * len(more)


async def fill(store: Store) -> list[str]:
    """Adds messages until the store refuses; the ids it accepted."""
    accepted: list[str] = []
    for n in range(1_000):
        row = outbox_row(f"id-{n:04}", packet=BIG)
        try:
            assert await store.outbox.add(row, queued(row))
        except StoreUnavailable as error:
            assert error.status == 507
            assert "disk is full" in str(error)
            return accepted
        accepted.append(row.id)
    raise AssertionError("the disk never ran full")


def make_room(store: Store) -> None:
    """Lifts the limit from outside, as deleting a file does: the store is not told."""
    connection = store.database._writer._connection
    assert connection is not None
    connection.execute("PRAGMA max_page_count = 100000")


def fill_up(ballast: Path) -> None:
    """Takes all the room there is."""
    with ballast.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while file.write(b"x" * 512):
            pass


def remount(disk: Path, mode: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{mode}", disk], check=True)


async def accepted_ids(store: Store) -> list[str]:
    return sorted(row.id for row in await store.outbox.listing(10_000))


async def test_a_full_store_refuses_keeps_what_it_accepted_and_goes_on_when_there_is_room(
    limited: Store, caplog: pytest.LogCaptureFixture
) -> None:
    accepted = await fill(limited)
    assert limited.database.degraded is not None
    assert await accepted_ids(limited) == accepted
    assert caplog.text.count("store cannot write") == 1
    await limited.database.write(_limit, 10_000)
    row = outbox_row("id-last", packet=BIG)
    assert await limited.outbox.add(row, queued(row))
    assert limited.database.degraded is None
    assert await accepted_ids(limited) == [*accepted, "id-last"]


async def test_a_batch_that_does_not_fit_fails_as_a_whole_and_says_so_to_each(limited: Store) -> None:
    rows = [outbox_row(f"id-{n}", packet=BIG) for n in range(30)]
    results = await asyncio.gather(*(limited.outbox.add(row, queued(row)) for row in rows), return_exceptions=True)
    refused = [result for result in results if isinstance(result, StoreUnavailable)]
    assert refused
    assert len({id(error) for error in refused}) == len(refused)
    assert len(await accepted_ids(limited)) == results.count(True)


async def test_later_writes_are_kept_until_there_is_room(limited: Store) -> None:
    accepted = await fill(limited)
    big = receipt(accepted[0], "stored", 1, detail="d" * 300_000)
    limited.receipts.record_later([big], (), "mac2", 1)
    with pytest.raises(StoreUnavailable):
        await limited.database.settled()
    assert limited.receipts.durable_have("mac2") == 0
    assert len(await limited.receipts.of(accepted[0])) == 1
    make_room(limited)
    await limited.database.settled()
    assert limited.receipts.durable_have("mac2") == 1
    assert [row.state for row in await limited.receipts.of(accepted[0])] == ["queued", "stored"]


class Told(logging.Handler):
    """Sets an event when the log says a thing; loggers call it from the writer's thread."""

    def __init__(self, words: str) -> None:
        super().__init__()
        self.event = asyncio.Event()
        self._words = words
        self._loop = asyncio.get_running_loop()

    def emit(self, record: logging.LogRecord) -> None:
        if self._words in record.getMessage():
            self._loop.call_soon_threadsafe(self.event.set)


async def test_a_store_that_nobody_asks_finds_out_by_itself_that_there_is_room(limited: Store) -> None:
    told = Told("store writes again")
    logging.getLogger("multifleet.store").addHandler(told)
    await fill(limited)
    make_room(limited)
    await asyncio.wait_for(told.event.wait(), 30)
    logging.getLogger("multifleet.store").removeHandler(told)
    assert limited.database.degraded is None


@pytest.mark.lab
async def test_a_full_file_system_is_survived_without_a_restart(small_disk: Path) -> None:
    ballast = small_disk / "ballast"
    ballast.write_bytes(b"x" * 400_000)
    store = Store.open(small_disk, NOW)
    accepted = await fill(store)
    assert await accepted_ids(store) == accepted
    ballast.unlink()
    row = outbox_row("id-last", packet=BIG)
    assert await store.outbox.add(row, queued(row))
    assert store.database.degraded is None
    await store.aclose()
    again = Store.open(small_disk, NOW)
    assert await accepted_ids(again) == [*accepted, "id-last"]
    await again.aclose()


@pytest.mark.lab
async def test_a_store_on_a_full_disk_does_not_call_itself_well_for_having_nothing_to_write(
    small_disk: Path,
) -> None:
    store = Store.open(small_disk, NOW)
    fill_up(small_disk / "ballast")
    await fill(store)
    with pytest.raises(StoreUnavailable):
        await store.database.settled()
    assert store.database.degraded is not None
    await store.aclose()


@pytest.mark.lab
async def test_a_file_system_made_read_only_is_survived_without_a_restart(small_disk: Path) -> None:
    store = Store.open(small_disk, NOW)
    row = outbox_row("id-1")
    assert await store.outbox.add(row, queued(row))
    await store.database.aclose()
    remount(small_disk, "ro")
    with pytest.raises(StoreUnavailable):
        Store.open(small_disk, NOW)
    remount(small_disk, "rw")
    again = Store.open(small_disk, NOW)
    assert await accepted_ids(again) == ["id-1"]
    await again.aclose()


async def test_a_store_in_a_folder_that_is_not_there_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable, match="cannot be opened"):
        Database.open(tmp_path / "missing" / "store.db")
    os.mkdir(tmp_path / "store.db")
    with pytest.raises(StoreUnavailable, match="cannot be opened"):
        Database.open(tmp_path / "store.db")
