"""Several ways to one end, each begun while others stay silent. It knows no way and no deadline."""

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine, Iterable
from typing import Any, TypeVar

from multifleet.channels.base import ChannelError

Way = TypeVar("Way")
Brought = TypeVar("Brought")


async def first_of(
    ways: Iterable[Way],
    begin: Callable[[Way], Coroutine[Any, Any, Brought]],
    silence: float,
    failed: Callable[[Way, ChannelError], None],
) -> Brought | None:
    """What the first way brings that brings anything; None where all have failed.

    The next one begins when one has failed, or after so many seconds of silence. `failed` is told of each ChannelError;
    any other fault ends it. When it ends, however that is, no way is left running.
    """
    left, running = deque(ways), dict[asyncio.Task[Brought], Way]()
    try:
        while left or running:
            if left:
                way = left.popleft()
                running[asyncio.create_task(begin(way), name="one of several ways")] = way
            wait = silence if left else None
            done, _ = await asyncio.wait(running, timeout=wait, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                way = running.pop(task)
                try:
                    return task.result()
                except ChannelError as error:
                    failed(way, error)
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
    return None
