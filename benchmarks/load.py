"""Callers that send and wait until their message is known to be stored, and the figures of such a run."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypedDict

Send = Callable[[str], Awaitable[None]]
BODY = "The schema of the orders table has changed; rebase before you go on. " * 6


class Figures(TypedDict):
    """Times in milliseconds, the rate in messages a second."""

    count: int
    seconds: float
    rate: float
    p50: float
    p99: float


def summarise(latencies: list[float], seconds: float) -> Figures:
    """The figures of a run from its latencies in seconds."""
    ordered = sorted(latencies)
    count = len(ordered)
    return Figures(
        count=count,
        seconds=seconds,
        rate=count / seconds,
        p50=ordered[count // 2] * 1000,
        p99=ordered[min(count - 1, count * 99 // 100)] * 1000,
    )


async def run_callers(send: Send, callers: int, seconds: float) -> Figures:
    """`callers` coroutines, each sending its next message when the last one is stored."""
    latencies: list[float] = []
    start = time.perf_counter()

    async def call() -> None:
        while (began := time.perf_counter()) < start + seconds:
            await send(BODY)
            latencies.append(time.perf_counter() - began)

    await asyncio.gather(*(call() for _ in range(callers)))
    return summarise(latencies, time.perf_counter() - start)
