"""The fleet in memory that the tests of the node share."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.node.fleet import Machines, machines_in
from tests.node.served import Daemons, daemons_in


@pytest.fixture
async def fleet(tmp_path: Path) -> AsyncIterator[Machines]:
    """Machines by name; all are stopped at the end."""
    async with machines_in(tmp_path) as machines:
        yield machines


@pytest.fixture
async def daemons(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Daemons]:
    """Served homes; all are stopped at the end."""
    for name in ("FLEET_NERVE_HMAC_KEY", "MULTIFLEET_NODE_ID", "MULTIFLEET_IDENTITY", "FLEET_NERVE_PORT"):
        monkeypatch.delenv(name, raising=False)
    async with daemons_in(tmp_path) as served:
        yield served
