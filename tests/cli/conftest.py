"""A stand-in node and its surfaces, for the tests of the command line."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.surfaces import Surfaces, surfaces_of


@pytest.fixture
async def surfaces(tmp_path: Path) -> AsyncIterator[Surfaces]:
    """A daemon's socket in a home of its own, with constants behind it."""
    async with surfaces_of(tmp_path) as found:
        yield found
