"""A real store in a folder of its own, and a way to have calls meet in one batch."""

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from multifleet.store.database import Database
from multifleet.store.store import Store

NOW = 1_000.0


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    """An empty store, closed afterwards."""
    opened = Store.open(tmp_path, NOW)
    yield opened
    await opened.aclose()


@asynccontextmanager
async def writer_held(database: Database) -> AsyncIterator[None]:
    """Keeps the writer busy with one commit of its own, so that what is begun meanwhile is one batch."""
    loop = asyncio.get_running_loop()
    taken = asyncio.Event()
    gate = threading.Event()

    def wait(connection: sqlite3.Connection, arguments: Sequence[None]) -> Sequence[None]:
        loop.call_soon_threadsafe(taken.set)
        gate.wait(30)
        return arguments

    waiting = asyncio.create_task(database.write(wait, None))
    await taken.wait()
    yield
    await asyncio.sleep(0)  # the tasks begun here have their turn, and so their place in the line
    gate.set()
    await waiting
