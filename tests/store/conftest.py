"""A real store in a folder of its own."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from multifleet.store.store import Store

NOW = 1_000.0


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    """An empty store, closed afterwards."""
    opened = Store.open(tmp_path, NOW)
    yield opened
    await opened.aclose()
