"""Takes what comes over NATS: requests of peers, which are answered, and what lay in this node's queue."""

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

from multifleet.channels.base import Here
from multifleet.core.frame import FRAME_LIMIT

if TYPE_CHECKING:
    from multifleet.channels.nats_library import Msg
    from multifleet.channels.nats_wire import Wire

AT_ONCE = 8
"""Requests of peers."""


class NatsTaking:
    """One for the channel."""

    def __init__(self, here: Here, channel: str, asks: Callable[[str], None]) -> None:
        """`asks` is told who sends requests; that is not proved."""
        self._here = here
        self._channel = channel
        self._asks = asks
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._tasks: set[asyncio.Task[None]] = set()

    async def take(self, wire: "Wire", message: "Msg") -> None:
        """A peer's request; the next one is not looked at before there is room for it."""
        fit = message.data.startswith(b"mf1 ") and len(message.data) <= FRAME_LIMIT
        if not fit or not message.reply.startswith("_INBOX."):
            self._here.count("nats_message_refused", reason="no frame, no place to answer, or over the limit")
            return
        sender = message.data[:80].decode("ascii", "replace").split(" ")[1]
        self._asks(sender)  # not proved: no more follows from it than who is tried
        await self._slots.acquire()
        task = asyncio.create_task(self._answer(wire, message), name="nats request")
        self._tasks.add(task)
        task.add_done_callback(self._taken)

    async def take_queued(self, frame: bytes) -> int:
        """A frame of the queue; the status says whether it may be dropped there."""
        try:
            status, _ = await self._here.receive(frame, self._channel, self._channel, True)
        except Exception as error:  # noqa: BLE001  told; a frame that makes a fault must not come again for ever
            self._here.count("nats_take_failed", reason=type(error).__name__)
            return 500
        if status not in (200, 409, 507):
            self._here.count("nats_queued_refused", status=status)
        return status

    async def end(self) -> None:
        """Give up what is being answered."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _taken(self, task: "asyncio.Task[None]") -> None:
        self._tasks.discard(task)
        self._slots.release()
        if not task.cancelled() and task.exception() is not None:
            self._here.count("nats_take_failed", reason=type(task.exception()).__name__)

    async def _answer(self, wire: "Wire", message: "Msg") -> None:
        status, answer = await self._here.receive(message.data, self._channel, self._channel, False)
        await wire.say(message.reply, answer if answer.startswith(b"mf1 ") else b"%d" % status)
