"""The stage that the tests of the Claude end share."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.node.fleet import Machines
from tests.node.offering.stage import Stage, stage_in


@pytest.fixture
async def stage(tmp_path: Path, fleet: Machines) -> AsyncIterator[Stage]:
    """mac1 and mac2, running."""
    async with stage_in(tmp_path, fleet) as stage:
        yield stage
