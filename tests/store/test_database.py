import asyncio
import os
import sqlite3
from collections.abc import AsyncIterator, Iterable, Sequence
from pathlib import Path

import pytest

from multifleet.errors import StoreUnavailable
from multifleet.store.database import Database
from tests.store.conftest import writer_held


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    opened = Database.open(tmp_path / "store.db")

    def make(connection: sqlite3.Connection, arguments: Sequence[None]) -> Sequence[None]:
        connection.execute("CREATE TABLE t (a INTEGER PRIMARY KEY)")
        return arguments

    await opened.write(make, None)
    yield opened
    await opened.aclose()


def put(connection: sqlite3.Connection, numbers: Sequence[int]) -> Sequence[int]:
    """Inserts numbers; those that are there already are an error of the whole call."""
    connection.executemany("INSERT INTO t VALUES (?)", [(n,) for n in numbers])
    return [n * 10 for n in numbers]


def all_numbers(connection: sqlite3.Connection) -> list[int]:
    return [n for (n,) in connection.execute("SELECT a FROM t ORDER BY a")]


def on_disk(database: Database) -> list[int]:
    return database.read_now(all_numbers)


async def test_a_write_is_on_disk_when_it_returns_with_its_own_result(database: Database) -> None:
    assert await database.write(put, 7) == 70
    assert on_disk(database) == [7]


def begin(database: Database, numbers: Iterable[int]) -> list[asyncio.Task[int]]:
    return [asyncio.create_task(database.write(put, n)) for n in numbers]


async def test_writes_that_come_together_share_a_commit(database: Database) -> None:
    async with writer_held(database):
        before = database.commits
        tasks = begin(database, range(500))
    assert await asyncio.gather(*tasks) == [n * 10 for n in range(500)]
    assert database.commits - before == 2
    assert on_disk(database) == list(range(500))


async def test_one_transaction_takes_a_thousand_calls_at_most(database: Database) -> None:
    async with writer_held(database):
        before = database.commits
        tasks = begin(database, range(3_500))
    await asyncio.gather(*tasks)
    assert database.commits - before == 1 + 4


async def test_one_call_alone_is_one_commit(database: Database) -> None:
    before = database.commits
    for n in range(5):
        await database.write(put, n)
    assert database.commits - before == 5


async def test_a_bad_call_in_a_batch_fails_alone(database: Database) -> None:
    await database.write(put, 3)
    async with writer_held(database):
        before = database.commits
        tasks = begin(database, range(6))
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert [r for r in results if not isinstance(r, BaseException)] == [0, 10, 20, 40, 50]
    assert isinstance(results[3], sqlite3.IntegrityError)
    assert on_disk(database) == [0, 1, 2, 3, 4, 5]
    assert database.commits - before == 2
    assert database.degraded is None


async def test_a_call_that_raises_leaves_nothing_behind(database: Database) -> None:
    def put_and_fail(connection: sqlite3.Connection, numbers: Sequence[int]) -> Sequence[int]:
        put(connection, numbers)
        raise ValueError(numbers[0])

    with pytest.raises(ValueError, match="1"):
        await database.write(put_and_fail, 1)
    failed, done = await asyncio.gather(database.write(put_and_fail, 2), database.write(put, 3), return_exceptions=True)
    assert isinstance(failed, ValueError)
    assert done == 30
    assert on_disk(database) == [3]


async def test_a_later_write_rides_on_the_next_commit(database: Database) -> None:
    before = database.commits
    database.write_later(put, 1)
    await database.write(put, 2)
    assert on_disk(database) == [1, 2]
    assert database.commits - before == 1


async def test_a_later_write_alone_is_committed_in_half_a_second(database: Database) -> None:
    done = asyncio.get_running_loop().create_future()
    started = asyncio.get_running_loop().time()
    database.write_later(put, 1, done.set_result)
    assert await done == 10
    assert on_disk(database) == [1]
    assert asyncio.get_running_loop().time() - started < 5.0


async def test_a_reader_sees_what_was_to_be_written_later(database: Database) -> None:
    database.write_later(put, 1)
    assert await database.read(all_numbers) == [1]


async def test_settled_returns_when_later_writes_are_on_disk(database: Database) -> None:
    for n in range(50):
        database.write_later(put, n)
    await database.settled()
    assert on_disk(database) == list(range(50))


async def test_a_later_write_that_is_wrong_is_dropped_and_counted(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    await database.write(put, 1)
    database.write_later(put, 1)
    database.write_later(put, 2)
    await database.settled()
    assert on_disk(database) == [1, 2]
    assert database.lost_later == 1
    assert "a later write was lost" in caplog.text


async def test_a_reader_cannot_write(database: Database) -> None:
    with pytest.raises(StoreUnavailable, match="cannot be written"):
        await database.read(lambda connection: connection.execute("INSERT INTO t VALUES (1)"))
    assert await database.read(all_numbers) == []


async def test_a_query_that_is_wrong_says_so(database: Database) -> None:
    with pytest.raises(sqlite3.OperationalError, match="no such table"):
        await database.read(lambda connection: connection.execute("SELECT * FROM missing"))


async def test_a_caller_that_went_away_disturbs_nobody(database: Database) -> None:
    gone = asyncio.create_task(database.write(put, 1))
    await asyncio.sleep(0)
    gone.cancel()
    assert await database.write(put, 2) == 20
    assert on_disk(database) == [1, 2]


async def test_closing_commits_what_waits_and_leaves_one_file(tmp_path: Path) -> None:
    database = Database.open(tmp_path / "store.db")
    await database.write(lambda c, a: [c.execute("CREATE TABLE t (a INTEGER PRIMARY KEY)") and None for _ in a], None)
    database.write_later(put, 1)
    await database.read(all_numbers)
    database.write_later(put, 2)
    await database.aclose()
    await database.aclose()
    assert os.listdir(tmp_path) == ["store.db"]
    with pytest.raises(StoreUnavailable, match="closed"):
        await database.write(put, 3)
    with sqlite3.connect(tmp_path / "store.db") as connection:
        assert all_numbers(connection) == [1, 2]
    connection.close()


async def test_another_process_that_holds_the_store_makes_it_unavailable_not_broken(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = sqlite3.connect(database.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreUnavailable, match="another process"):
        await database.write(put, 1)
    assert database.degraded is not None
    other.execute("ROLLBACK")
    other.close()
    await database.write(put, 2)
    assert database.degraded is None
    assert on_disk(database) == [2]


async def test_a_reader_to_whom_no_later_write_matters_costs_no_commit(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("multifleet.store.database._LATEST", 3_600.0)  # a reader may take longer than half a second
    before = database.commits
    database.write_later(put, 1)
    assert await database.read(all_numbers, ()) == []
    assert database.commits == before
    assert await database.read(all_numbers, (put,)) == [1]
    assert database.commits == before + 1
