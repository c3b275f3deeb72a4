"""The stage that the tests of the Claude end share."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.node.claude_end.stage import Stage, stage_in
from tests.node.fleet import Machines


@pytest.fixture
async def stage(tmp_path: Path, fleet: Machines) -> AsyncIterator[Stage]:
    """mac1 and mac2, running."""
    async with stage_in(tmp_path, fleet) as stage:
        yield stage
