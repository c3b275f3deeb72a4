"""The store's soundness and durability, as a running daemon finds them."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from multifleet.node.checks import store as check
from multifleet.node.checks.finding import Level
from multifleet.store.store import Store

SECONDS = 20.0


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    """An empty one."""
    opened = Store.open(tmp_path, 1_000.0)
    yield opened
    await opened.aclose()


async def test_a_new_store_is_sound_and_synced(store: Store, tmp_path: Path) -> None:
    found = await check.running(tmp_path, store.database, SECONDS)
    assert (found.level, "every commit synced" in found.says) == (Level.OK, True)


async def test_a_writer_that_does_not_sync_is_a_fault(store: Store, tmp_path: Path) -> None:
    connection = store.database._writer._connection
    assert connection is not None
    connection.execute("PRAGMA synchronous = NORMAL")
    found = await check.running(tmp_path, store.database, SECONDS)
    assert found.level is Level.FAIL
    assert "synchronous 1" in found.says
    assert found.remedy is not None and "local disk" in found.remedy
