"""Tells sessions of this machine what nobody would tell them a second time: that a message was not sent, or is held.

A client that is busy for a moment takes no connection; what is to be told then is told in the seconds after.
"""

import asyncio
from collections.abc import Awaitable, Callable

from multifleet.sessions.base import OutOfReach

WAITS = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0)
"""Seconds between two attempts."""


async def tell_surely(write: Callable[[], Awaitable[None]]) -> None:
    """Write to a session's inbox, again while that is out of reach; raises as `write` does in the end."""
    for wait in WAITS:
        try:
            return await write()
        except OutOfReach:
            await asyncio.sleep(wait)
    await write()
