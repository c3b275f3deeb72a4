"""Servers for the tests of the HTTP door."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.api.served import Served, serving

Serve = Callable[..., Awaitable[Served]]


@pytest.fixture
async def serve(tmp_path: Path) -> AsyncIterator[Serve]:
    """Starts servers that end with the test: `served = await serve(limits=...)`."""
    async with AsyncExitStack() as stack:

        async def start(**chosen: Any) -> Served:
            return await stack.enter_async_context(serving(tmp_path, **chosen))

        yield start


@pytest.fixture
async def served(serve: Serve) -> Served:
    """A server with its usual limits."""
    return await serve()
