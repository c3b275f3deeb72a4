"""Bytes in, requests out: the one place that touches aiohttp's parser, which is llhttp where it was compiled.

It never writes and never waits. What it holds is bounded by its caller, who looks at `unread`, `ahead` and
`overrun`.
"""

from asyncio import AbstractEventLoop
from collections import deque
from collections.abc import Mapping
from typing import NamedTuple

from aiohttp.base_protocol import BaseProtocol
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.http_parser import HttpRequestParser, RawRequestMessage
from aiohttp.http_writer import HttpVersion11
from aiohttp.streams import StreamReader

from multifleet.api.limits import Limits

BODY_BUFFER = 1 << 20
"""Bytes of a body. At twice as many, or a sixteenth as many chunks, the parser calls `pause_reading`."""
FRAMING_ALLOWANCE = 64 * 1024
"""The framing of a chunked body may take as many bytes as the body's limit, and these."""


class Malformed(Exception):
    """What came is not HTTP/1.1."""


class Head(NamedTuple):
    """The head of a request."""

    method: str
    target: str
    headers: Mapping[str, str]
    chunked: bool
    last: bool
    """No further request follows on this connection."""


class Inflow(BaseProtocol):
    """The requests of one connection; a protocol only because the parser wants one to ask for pauses."""

    __slots__ = ("_body", "_deaf", "_requests", "overrun", "parser", "unread")

    def __init__(self, loop: AbstractEventLoop, limits: Limits) -> None:
        super().__init__(loop)
        self.parser = HttpRequestParser(
            self,
            loop,
            BODY_BUFFER,
            max_line_size=limits.line_bytes,
            max_field_size=limits.head_bytes,
            max_headers=limits.headers,
            auto_decompress=False,
            max_msg_queue_size=limits.ahead_requests,
        )
        self._requests: deque[tuple[RawRequestMessage, StreamReader]] = deque()
        self._body: StreamReader | None = None
        self._deaf = False  # what follows is malformed, or in another protocol that the client asked for
        self.unread = 0
        """Bytes since the last request was taken."""
        self.overrun = False
        """Some body is larger, or in more chunks, than any that may come."""

    @property
    def ahead(self) -> int:
        """Requests whose head has come and that were not taken yet."""
        return len(self._requests)

    @property
    def whole(self) -> bool:
        """Whether the body of the request taken last has come to its end."""
        return self._body is None or self._body.is_eof()

    def feed(self, data: bytes) -> None:
        """Take in what the socket gave."""
        self.unread += len(data)
        if self._deaf:
            return
        try:
            requests, self._deaf, _ = self.parser.feed_data(data)
        except HttpProcessingError:
            self._deaf = True
            raise Malformed from None
        self._requests.extend(requests)

    def take(self) -> Head:
        """The next request; there must be one ahead."""
        message, self._body = self._requests.popleft()
        self.parser.message_consumed()
        self.unread = 0
        # After HEAD a client takes no body, and every answer here has one.
        last = message.should_close or message.upgrade or message.version != HttpVersion11 or message.method == "HEAD"
        return Head(message.method, message.path, message.headers, message.chunked, last)

    def exceeds(self, limit: int) -> bool:
        """Whether the body of the request taken last is larger than it may be."""
        size = self._body.total_bytes if self._body is not None else 0
        return size > limit or self.overrun or self.unread > 2 * limit + FRAMING_ALLOWANCE

    def body(self) -> bytes:
        """The whole body of the request taken last."""
        body, self._body = self._body, None
        return body.read_nowait() if body is not None else b""

    def pause_reading(self) -> None:
        """Called by the parser."""
        self.overrun = True

    def resume_reading(self, resume_parser: bool = True) -> None:
        """Called by the parser; nothing was paused."""
