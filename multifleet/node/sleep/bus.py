"""A connection to the system's D-Bus, as small as can be: calls with answers that may hold descriptors, and signals.

jeepney reads and writes the messages. Its own asyncio connection cannot take a file descriptor, which is what an
inhibitor lock is.
"""

import asyncio
import socket
from typing import Any

from jeepney import Message, MessageType, Parser  # type: ignore[import-untyped]
from jeepney.auth import BEGIN, AuthenticationError, Authenticator  # type: ignore[import-untyped]
from jeepney.bus import get_bus  # type: ignore[import-untyped]
from jeepney.bus_messages import message_bus  # type: ignore[import-untyped]
from jeepney.fds import FileDescriptor, fds_buf_size  # type: ignore[import-untyped]
from jeepney.low_level import HeaderFields, SizeLimitError  # type: ignore[import-untyped]

SECONDS = 5.0
"""For each answer."""
SIGNALS_LIMIT = 64
"""That may wait to be looked at; those beyond are dropped."""


class BusGone(Exception):
    """There is no bus, or not any more."""


class BusRefused(Exception):
    """The bus, or a service on it, answered with an error."""


class Bus:
    """One connection; `connect` makes it."""

    def __init__(self, wire: socket.socket) -> None:
        self._wire = wire
        self._parser = Parser()
        self._serial = 0
        self._answers: dict[int, asyncio.Future[Message]] = {}
        self.signals: asyncio.Queue[Message | None] = asyncio.Queue(SIGNALS_LIMIT + 1)
        """Signals as they come; None once the bus is gone."""
        self._is_gone = False
        self.unique_name = ""
        """What the bus calls this connection."""

    @classmethod
    async def connect(cls, which: str = "SYSTEM") -> "Bus":
        """To the system's bus or, with "SESSION", the user's; or the one that $DBUS_..._BUS_ADDRESS names."""
        loop = asyncio.get_running_loop()
        wire = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            wire.setblocking(False)
            async with asyncio.timeout(SECONDS):
                await loop.sock_connect(wire, get_bus(which))
                steps = Authenticator(enable_fds=True)
                for said in steps:
                    await loop.sock_sendall(wire, said)
                    steps.feed(await loop.sock_recv(wire, 1024))
                await loop.sock_sendall(wire, BEGIN)
            bus = cls(wire)
            loop.add_reader(wire, bus._readable)
            (bus.unique_name,) = await bus.call(message_bus.Hello())
            return bus
        except BaseException as error:
            loop.remove_reader(wire)
            wire.close()
            # RuntimeError, StopIteration and the others: the address is not one that can be used.
            usual = (OSError, TimeoutError, AuthenticationError, BusRefused, ValueError, RuntimeError, KeyError)
            if isinstance(error, usual):
                raise BusGone(str(error) or type(error).__name__) from None
            raise

    async def call(self, message: Message) -> tuple[Any, ...]:
        """The answer's values."""
        if self._is_gone:
            raise BusGone("the bus is gone")
        self._serial += 1
        answer: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
        self._answers[serial := self._serial] = answer
        try:
            async with asyncio.timeout(SECONDS):
                await asyncio.get_running_loop().sock_sendall(self._wire, message.serialise(serial))
                found = await _wait_for(answer)
        except (OSError, TimeoutError) as error:
            self.close()
            raise BusGone(str(error) or "no answer") from None
        finally:
            self._answers.pop(serial, None)
        if found.header.message_type is MessageType.error:
            raise BusRefused(str(found.header.fields.get(HeaderFields.error_name)))
        return tuple(found.body)

    def close(self) -> None:
        """Also tells whoever waits."""
        if self._is_gone:
            return
        self._is_gone = True
        asyncio.get_running_loop().remove_reader(self._wire)
        self._wire.close()
        for answer in self._answers.values():
            if not answer.done():
                answer.set_exception(BusGone("the bus is gone"))
        self.signals.put_nowait(None)

    def _readable(self) -> None:
        try:
            data, more, _, _ = self._wire.recvmsg(4096, fds_buf_size())
        except BlockingIOError:
            return
        except OSError:
            self.close()
            return
        if not data:
            self.close()
            return
        self._parser.add_data(data, fds=FileDescriptor.from_ancdata(more))
        try:
            while (message := self._parser.get_next_message()) is not None:
                self._take(message)
        except (ValueError, SizeLimitError, LookupError, UnicodeDecodeError):
            self.close()

    def _take(self, message: Message) -> None:
        if message.header.message_type is MessageType.signal:
            _close_descriptors(message)
            if self.signals.qsize() < SIGNALS_LIMIT:
                self.signals.put_nowait(message)
            return
        answer = self._answers.get(message.header.fields.get(HeaderFields.reply_serial, 0))
        if answer is not None and not answer.done():
            answer.set_result(message)
        else:
            _close_descriptors(message)


async def _wait_for(answer: "asyncio.Future[Message]") -> Message:
    try:
        return await answer
    except asyncio.CancelledError:
        # It may have come in the same turn, and nobody else will look at it.
        if not answer.cancelled() and answer.exception() is None:
            _close_descriptors(answer.result())
        raise


def _close_descriptors(message: Message) -> None:
    """Of a message that nobody takes: a forgotten lock would hold up the machine's sleep."""
    for value in message.body:
        if isinstance(value, FileDescriptor):
            value.close()
