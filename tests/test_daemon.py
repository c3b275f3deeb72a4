"""What the daemon's process takes of its machine."""

import asyncio
import threading
import time

from multifleet.daemon import THREADS, start_threads


async def test_it_has_all_its_threads_from_the_start_whatever_comes_at_once() -> None:
    before = threading.active_count()
    start_threads()
    assert threading.active_count() == before + THREADS
    await asyncio.gather(*(asyncio.to_thread(time.sleep, 0.001) for _ in range(10 * THREADS)))
    assert threading.active_count() == before + THREADS
