"""The fleet in memory that the tests of the node share."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.node.fleet import Machines, machines_in


@pytest.fixture
async def fleet(tmp_path: Path) -> AsyncIterator[Machines]:
    """Machines by name; all are stopped at the end."""
    async with machines_in(tmp_path) as machines:
        yield machines
