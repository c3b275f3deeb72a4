"""Asking what may hang."""

import asyncio
import threading

import pytest

from multifleet.node.checks.patience import aside, begin


async def test_the_answer_and_the_error_come_back() -> None:
    assert await aside(lambda: 42) == 42
    with pytest.raises(ZeroDivisionError):
        await aside(lambda: 1 // 0)


async def test_nobody_waits_longer_than_he_means_to() -> None:
    never = threading.Event()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await aside(never.wait)
    with pytest.raises(TimeoutError):
        begin(never.wait).result(0.05)
    never.set()
