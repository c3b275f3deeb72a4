import sqlite3
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from multifleet.store.bulk import Bulk, chunks


@pytest.fixture
def connection() -> Iterator[sqlite3.Connection]:
    opened = sqlite3.connect(":memory:")
    opened.execute("CREATE TABLE t (a PRIMARY KEY, b)")
    yield opened
    opened.close()


@given(st.integers(0, 1_000))
def test_the_chunks_cover_every_row_once_with_few_sizes(count: int) -> None:
    made = list(chunks(count))
    assert [n for first, end in made for n in range(first, end)] == list(range(count))
    assert {end - first for first, end in made} <= {1, 2, 4, 8, 16, 32, 64}
    assert len(made) <= count // 64 + 6


def test_rows_of_any_number_go_in_and_are_found(connection: sqlite3.Connection) -> None:
    rows = [(n, str(n)) for n in range(199)]
    assert Bulk("INSERT INTO t VALUES {rows}", 2).run(connection, rows) == 199
    found = Bulk("WITH c (a) AS (VALUES {rows}) SELECT a, b FROM c CROSS JOIN t USING (a)", 1)
    assert sorted(found.fetch(connection, [(n,) for n in range(150, 250)])) == rows[150:]


def test_no_rows_are_no_statement(connection: sqlite3.Connection) -> None:
    assert Bulk("this is not SQL {rows}", 2).run(connection, []) == 0
    assert Bulk("this is not SQL {rows}", 2).fetch(connection, []) == []


def test_only_rows_that_changed_are_counted(connection: sqlite3.Connection) -> None:
    insert = Bulk("INSERT INTO t VALUES {rows} ON CONFLICT DO NOTHING", 2)
    insert.run(connection, [(1, "x"), (2, "x")])
    assert insert.run(connection, [(1, "y"), (2, "y"), (3, "y")]) == 1
