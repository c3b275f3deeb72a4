"""Runs a part of the node, and again when it fails: a full disk, or a fault in one part, must not stop the others."""

import asyncio
import traceback
from collections.abc import Awaitable, Callable

from multifleet.errors import StoreDamaged, StoreUnavailable
from multifleet.node.counters import Counters

REST = 1.0
"""Seconds before a part that failed is run again."""
LONG_REST = 30.0
"""The same where only a restart mends what failed."""

Part = Callable[[], Awaitable[None]]


async def enduring(name: str, run: Part, counters: Counters) -> None:
    """Until the part ends by itself, or is cancelled; each failure is counted and logged with its place."""
    while True:
        rest = REST
        try:
            return await run()
        except StoreDamaged as error:
            counters.failed("part_waits_for_store", part=name, reason=error)
            rest = LONG_REST
        except StoreUnavailable as error:
            counters.failed("part_waits_for_store", part=name, reason=error)
        except Exception as error:  # noqa: BLE001  told below, and tried again
            tell(counters, "part_failed", name, error)
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            raise asyncio.CancelledError  # a fault met while it was being cancelled hides that; it ends all the same
        await asyncio.sleep(rest)


def tell(counters: Counters, counter: str, part: str, error: BaseException) -> None:
    """Count a fault of our own: its kind and place, never its message, which may quote what was sent."""
    frames = traceback.extract_tb(error.__traceback__)
    place = f"{frames[-1].filename.rpartition('/')[2]}:{frames[-1].lineno}" if frames else "unknown"
    counters.failed(counter, part=part, error=type(error).__name__, at=place)
