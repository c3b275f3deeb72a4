"""One kept HTTP/1.1 connection to a peer's daemon: one request at a time, bounded answers, nothing shared.

Smaller than a general client on purpose: it speaks to our own daemon only, and it is the hot path of every message.
"""

import asyncio
import os
import re
from collections.abc import Callable
from typing import cast

import httptools

ANSWER_LIMIT = 4 << 20
"""Bytes of an answer's body."""
HEAD_BYTES = 16 * 1024
"""Bytes of an answer before its body; joining the pieces of a longer one would cost more than it can be worth."""
FRAMING_ALLOWANCE = 64 * 1024
"""Bytes by which an answer with its framing may be longer than its body."""
HEAD_LIMIT = 64
"""Headers of an answer."""
_CALL, _CODES = "Connect call failed", re.compile(r"\[Errno (\d+)\]")
"""How asyncio words that nobody is reached, and the system's numbers in its words for several addresses."""


class Broken(Exception):
    """The connection ended, or what came was not HTTP, before the answer was whole."""


class Connection(asyncio.Protocol):
    """Made by `connect`; `ask` until `is_open` is false."""

    def __init__(self, host: str, lost: Callable[[], None] = lambda: None) -> None:
        self._host = host
        self._lost = lost
        self._transport: asyncio.Transport | None = None
        self._parser: httptools.HttpResponseParser | None = None
        self._answer: asyncio.Future[tuple[int, bytes]] | None = None
        self._body = bytearray()
        self._headers = 0
        self._came = 0
        self._in_head = True
        self.is_open = True

    @classmethod
    async def connect(cls, host: str, port: int, name: str, lost: Callable[[], None] = lambda: None) -> "Connection":
        """A new connection; OSError where there is none to be had. `name` goes into the Host header.

        `lost` is told when its socket is about to be closed, in the same turn of the loop.
        """
        loop = asyncio.get_running_loop()
        _, connection = await loop.create_connection(lambda: cls(name, lost), host, port)
        return connection

    async def ask(self, path: str, body: bytes) -> tuple[int, bytes]:
        """POST bytes; (status, body of the answer), or Broken. Cancelling it closes the connection."""
        if self._transport is None or not self.is_open:
            raise Broken("the connection was closed")
        self._parser = httptools.HttpResponseParser(self)
        self._body.clear()
        self._headers = self._came = 0
        self._in_head = True
        self._answer = asyncio.get_running_loop().create_future()
        head = (
            f"POST {path} HTTP/1.1\r\nHost: {self._host}\r\nContent-Type: application/octet-stream\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        self._transport.write(head.encode() + body)
        try:
            return await self._answer
        except BaseException:
            self.close()
            raise
        finally:
            self._answer = None

    def close(self) -> None:
        """Close now; what was on its way is lost."""
        self.is_open = False
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's transports are of no common class

    def connection_lost(self, error: Exception | None) -> None:
        self.is_open = False
        self._fail("the connection ended before the answer")
        self._lost()

    def data_received(self, data: bytes) -> None:
        if self._parser is None or self._answer is None:
            self.close()
            return
        self._came += len(data)
        if self._came > (HEAD_BYTES if self._in_head else ANSWER_LIMIT + FRAMING_ALLOWANCE):
            # A small answer may come whole in one piece with its head, so the head is only long if it has no end yet.
            if not self._in_head or b"\r\n\r\n" not in data[: HEAD_BYTES]:
                self._fail("the answer is too large")
                self.close()
                return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self._fail("what came is not HTTP")
            self.close()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Called by the parser."""
        self._headers += 1
        if self._headers > HEAD_LIMIT:
            self._fail("too many headers")
            self.close()

    def on_headers_complete(self) -> None:
        """Called by the parser."""
        self._in_head = False

    def on_body(self, part: bytes) -> None:
        """Called by the parser."""
        self._body += part
        if len(self._body) > ANSWER_LIMIT:
            self._fail("the answer is too large")
            self.close()

    def on_message_complete(self) -> None:
        """Called by the parser."""
        assert self._parser is not None
        if not self._parser.should_keep_alive():
            self.is_open = False
        if self._answer is not None and not self._answer.done():
            self._answer.set_result((self._parser.get_status_code(), bytes(self._body)))

    def _fail(self, reason: str) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(Broken(reason))


def in_words(error: Exception) -> str:
    """Why there is no connection, in the system's words."""
    if isinstance(error, OSError) and error.errno is not None and error.strerror and error.errno > 0:
        # Python puts the call and its address in the place of the system's words.
        return (os.strerror(error.errno) if error.strerror.startswith(_CALL) else error.strerror).lower()
    if isinstance(error, OSError) and _CALL in str(error):  # a name with several addresses
        return ", ".join(dict.fromkeys(os.strerror(int(code)).lower() for code in _CODES.findall(str(error))))
    return str(error) or type(error).__name__
