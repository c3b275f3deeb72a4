"""Asks what may hang (a dead disk, a locked keyring) in a thread of its own, so that nobody waits for it longer than
he means to. A thread that hangs is left behind and ends with the process."""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

T = TypeVar("T")


def begin(ask: Callable[[], T]) -> "Future[T]":
    """Start asking; `result(seconds)` of what this returns raises TimeoutError where it takes longer."""
    answer: Future[T] = Future()
    answer.set_running_or_notify_cancel()
    threading.Thread(target=_answer, args=(ask, answer), name="doctor", daemon=True).start()
    return answer


async def aside(ask: Callable[[], T]) -> T:
    """The same for the event loop; the caller sets the time."""
    return await asyncio.wrap_future(begin(ask))


def _answer(ask: Callable[[], T], answer: "Future[T]") -> None:
    try:
        answer.set_result(ask())
    except BaseException as error:  # noqa: BLE001  it goes to whoever asked
        answer.set_exception(error)
