"""Bytes in, requests out: the one place that touches the parser, which is llhttp by way of httptools.

It never writes and never waits. What it holds is bounded: by the limits of a head, by BODY_BUFFER, and by its caller,
who looks at `unread`, `ahead` and `overrun`.
"""

from collections import deque
from collections.abc import Mapping
from typing import NamedTuple

import httptools

from multifleet.api.limits import Limits

BODY_BUFFER = 2 << 20
"""Bytes of a body that are kept."""
MOST_CHUNKS = 65_536
"""Parts in which a body may come."""
SLACK = 4
"""How far beyond the limits the parser goes within one piece of data; between two pieces the connection looks."""
FRAMING_ALLOWANCE = 64 * 1024
"""The framing of a chunked body may take as many bytes as the body's limit, and these."""

_ONCE = frozenset({"host", "origin", "authorization", "content-type", "content-length", "content-encoding"})
"""Headers on which a decision hangs: two of them are two opinions."""


class Malformed(Exception):
    """What came is not HTTP/1.1."""


class Head(NamedTuple):
    """The head of a request; header names in lower case."""

    method: str
    target: str
    headers: Mapping[str, str]
    chunked: bool
    last: bool
    """No further request follows on this connection."""


class _Incoming:
    """One request while it comes."""

    __slots__ = ("body", "head", "parts", "size", "whole")

    def __init__(self, head: Head) -> None:
        self.head = head
        self.body = bytearray()
        self.size = 0
        self.parts = 0
        self.whole = False


class Inflow:
    """The requests of one connection."""

    __slots__ = (
        "_coming",
        "_deaf",
        "_head_bytes",
        "_header_count",
        "_headers",
        "_limits",
        "_parser",
        "_requests",
        "_taken",
        "_target",
        "overrun",
        "unread",
    )

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._parser = httptools.HttpRequestParser(self)
        self._requests: deque[_Incoming] = deque()
        self._coming: _Incoming | None = None
        self._taken: _Incoming | None = None
        self._target = bytearray()
        self._headers: dict[str, str] = {}
        self._head_bytes = self._header_count = 0
        self._deaf = False  # what follows is malformed, or in another protocol that the client asked for
        self.unread = 0
        """Bytes since the last request was taken."""
        self.overrun = False
        """Some body is larger, or in more parts, than any that may come."""

    @property
    def ahead(self) -> int:
        """Requests whose head has come and that were not taken yet."""
        return len(self._requests)

    @property
    def whole(self) -> bool:
        """Whether the body of the request taken last has come to its end."""
        return self._taken is None or self._taken.whole

    @property
    def held(self) -> int:
        """Bytes of bodies that are kept: of the request taken last, and of those ahead."""
        taken = len(self._taken.body) if self._taken is not None else 0
        return taken + sum(len(request.body) for request in self._requests)

    def feed(self, data: bytes) -> None:
        """Take in what the socket gave."""
        self.unread += len(data)
        if self._deaf:
            return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._deaf = True
        except httptools.HttpParserError:
            self._deaf = True
            raise Malformed from None

    def take(self) -> Head:
        """The next request; there must be one ahead."""
        self._taken = self._requests.popleft()
        self.unread = 0
        return self._taken.head

    def exceeds(self, limit: int) -> bool:
        """Whether the body of the request taken last is larger than it may be."""
        size = self._taken.size if self._taken is not None else 0
        return size > limit or self.overrun or self.unread > 2 * limit + FRAMING_ALLOWANCE

    def body(self) -> bytes:
        """The whole body of the request taken last."""
        taken, self._taken = self._taken, None
        return bytes(taken.body) if taken is not None else b""

    def drop(self) -> None:
        """Forget all that came; nothing more may be fed."""
        self._requests.clear()
        self._taken = self._coming = None

    def on_message_begin(self) -> None:
        """Called by the parser."""
        if len(self._requests) > SLACK * self._limits.ahead_requests:
            raise Malformed("too far ahead")
        self._target.clear()
        self._headers = {}
        self._head_bytes = self._header_count = 0

    def on_url(self, part: bytes) -> None:
        """Called by the parser."""
        self._target += part
        if len(self._target) > self._limits.line_bytes:
            raise Malformed("the request line is too long")

    def on_header(self, name: bytes, value: bytes) -> None:
        """Called by the parser."""
        self._head_bytes += len(name) + len(value)
        key = name.decode("latin-1").lower()
        self._header_count += 1
        if self._head_bytes > SLACK * self._limits.head_bytes or self._header_count > self._limits.headers:
            raise Malformed("the head is too large")
        if key in _ONCE and key in self._headers:
            raise Malformed("a header that decides stands twice")
        self._headers[key] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        """Called by the parser."""
        parser, headers = self._parser, self._headers
        method = parser.get_method().decode()
        # After HEAD a client takes no body, and every answer here has one.
        last = (
            not parser.should_keep_alive()
            or parser.should_upgrade()
            or parser.get_http_version() != "1.1"
            or method == "HEAD"
        )
        chunked = "chunked" in headers.get("transfer-encoding", "").lower()
        if method != "CONNECT" and parser.get_http_version() == "1.1" and "host" not in headers:
            raise Malformed("no Host")
        self._coming = _Incoming(Head(method, self._target.decode("latin-1"), headers, chunked, last))
        self._requests.append(self._coming)

    def on_body(self, part: bytes) -> None:
        """Called by the parser."""
        coming = self._coming
        if coming is None:
            return
        coming.size += len(part)
        coming.parts += 1
        if coming.size > BODY_BUFFER or coming.parts > MOST_CHUNKS:
            self.overrun = True
            return
        coming.body += part

    def on_message_complete(self) -> None:
        """Called by the parser."""
        if self._coming is not None:
            self._coming.whole = True
            self._coming = None
