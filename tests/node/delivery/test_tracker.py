"""Whoever waits for a state is told once it is reached, or can no more be."""

import asyncio

import pytest

from multifleet.core.receipts import State
from multifleet.node.delivery import tracker as room
from multifleet.node.delivery.tracker import Tracker
from multifleet.node.events import Events


@pytest.fixture
def tracker() -> Tracker:
    """One that knows the message m, queued for mac2."""
    made = Tracker(Events())
    made.stated("m", "mac2", State.QUEUED)
    return made


async def test_waiting_ends_with_the_state_that_was_waited_for(tracker: Tracker) -> None:
    waiting = asyncio.create_task(tracker.until("m", State.STORED))
    await asyncio.sleep(0)
    tracker.stated("m", "mac2", State.SENT)
    await asyncio.sleep(0)
    assert not waiting.done()
    tracker.stated("m", "mac2", State.OFFERED)
    assert await waiting is State.OFFERED


async def test_waiting_ends_when_the_state_can_no_more_be_reached(tracker: Tracker) -> None:
    waiting = asyncio.create_task(tracker.until("m", State.SEEN))
    await asyncio.sleep(0)
    tracker.stated("m", "mac2", State.REFUSED)
    assert await waiting is State.REFUSED


async def test_waiting_ends_with_the_time(tracker: Tracker) -> None:
    assert await tracker.until("m", State.SEEN, 0.01) is State.QUEUED
    assert await tracker.until("unknown", State.SEEN, 0.01) is None


async def test_what_was_reached_already_is_not_waited_for(tracker: Tracker) -> None:
    tracker.stated("m", "mac2", State.ANSWERED)
    assert await tracker.until("m", State.STORED) is State.ANSWERED


async def test_another_nodes_word_counts_for_nothing(tracker: Tracker) -> None:
    tracker.stated("m", "mac3", State.SEEN)
    assert tracker.state("m") is State.QUEUED


async def test_many_may_wait_and_one_of_them_give_up(tracker: Tracker) -> None:
    waiting = [asyncio.create_task(tracker.until("m", State.STORED)) for _ in range(3)]
    await asyncio.sleep(0)
    waiting[0].cancel()
    await asyncio.sleep(0)
    tracker.stated("m", "mac2", State.STORED)
    assert await asyncio.gather(*waiting[1:]) == [State.STORED] * 2


def test_only_so_many_messages_are_remembered(tracker: Tracker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "REMEMBERED", 10)
    for number in range(20):
        tracker.stated(str(number), "mac2", State.QUEUED)
    assert tracker.state("0") is None and tracker.state("19") is State.QUEUED
    assert len(tracker._states) == 10
