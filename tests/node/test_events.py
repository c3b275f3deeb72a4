"""Waking those who wait, and nobody else."""

import asyncio

from multifleet.node.events import Events


async def test_who_watches_a_subject_is_woken_at_each_change() -> None:
    events = Events()
    with events.watching("a") as one, events.watching("a") as other, events.watching("b") as elsewhere:
        events.happened("a")
        assert one.is_set() and other.is_set() and not elsewhere.is_set()
        one.clear()
        events.happened("a")
        async with asyncio.timeout(1):
            await one.wait()


def test_nothing_is_kept_of_a_subject_that_nobody_watches() -> None:
    events = Events()
    events.happened("a")
    with events.watching("a") as one:
        assert not one.is_set()
    assert not events._waiting
