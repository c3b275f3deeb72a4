"""One connection to one NATS server, which may be dead, slow, false or mad.

The client library's reconnecting, its waiting without an end, and what it would keep without bound are not used: a
connection is opened within a deadline, is proved alive by round trips, and is cut where the server does not keep to
what is agreed. Whoever holds it opens the next one. Nothing here knows frames or fleets. Import it late: it brings
the library with it.
"""

import asyncio
import logging
import ssl
from collections.abc import Awaitable, Callable, Coroutine
from math import ceil
from time import perf_counter
from typing import Any, TypeVar

from multifleet.channels.nats_credentials import Credentials
from multifleet.channels.nats_library import AWAITING_MSG_PAYLOAD, Client, Msg, Parser, errors
from multifleet.channels.nats_servers import Server

CONNECT_SECONDS = 2.5
LIVE_SECONDS = 2.0
"""For one round trip to the server."""
MESSAGE_LIMIT = 2 << 20
LINE_LIMIT = 64 * 1024
LINES = 80_000
"""In one WINDOW of seconds. More is a flood; so are fewer that keep a slow machine busy for BUSY seconds."""
BUSY, BUSY_LINES, WINDOW = 0.5, 1_000, 2.0
PENDING_MESSAGES, PENDING_BYTES = 4_096, 32 << 20
"""Of one subscription, before further ones are dropped."""
SENDING_LIMIT = 8 << 20

_library = logging.getLogger("nats")
_library.addHandler(logging.NullHandler())
_library.propagate = False  # it quotes what servers say

T = TypeVar("T")


class WireError(Exception):
    """The connection is not there, or not any more; the message says why. `unknown`: what was sent may have arrived."""

    def __init__(self, reason: str, *, unknown: bool = False) -> None:
        super().__init__(reason)
        self.unknown = unknown


class NobodyListens(WireError):
    """The server says at once that nobody hears that subject."""


async def within(seconds: float, work: Coroutine[Any, Any, T]) -> T:
    """The work's result, or TimeoutError: also where the work swallows being cancelled, as parts of the library do."""
    task = asyncio.ensure_future(work)
    task.add_done_callback(_look_away)  # where this is cancelled, nobody asks what came of it
    try:
        await asyncio.wait({task}, timeout=seconds)
        if not task.done():
            raise TimeoutError
        return task.result()
    finally:
        if not task.done():
            task.cancel()


def _look_away(task: "asyncio.Future[Any]") -> None:
    if not task.cancelled():
        task.exception()


class _Bounded(Parser):
    """The library's parser with an end to what a server may send in one piece, and in one second."""

    def __init__(self, client: Client) -> None:
        super().__init__(client)
        self._lines, self._busy, self._since = 0, 0.0, 0.0

    async def parse(self, data: bytes = b"") -> None:
        began = perf_counter()
        if began - self._since >= WINDOW:
            self._lines, self._busy, self._since = 0, 0.0, began
        self._lines += data.count(b"\r\n")
        if self._lines > LINES or (self._busy > BUSY and self._lines > BUSY_LINES):
            raise errors.ProtocolError("a flood")
        await super().parse(data)
        self._busy += perf_counter() - began
        limit = LINE_LIMIT
        if self.state == AWAITING_MSG_PAYLOAD:
            limit = MESSAGE_LIMIT
            if self.needed > limit or self.header_needed > self.needed:
                raise errors.ProtocolError("a message over the limit")
        if len(self.buf) > limit + LINE_LIMIT:
            raise errors.ProtocolError("a line without an end")


class _Client(Client):
    """The library's client without what it learns from a server about other servers, and without a downgrade."""

    def __init__(self, *, encrypted: bool) -> None:
        super().__init__()
        self._ps = _Bounded(self)
        self._encrypted = encrypted

    async def _process_info(self, info: dict[str, Any], initial_connection: bool = False) -> None:
        if not isinstance(info, dict) or not isinstance(info.get("max_payload", 0), int):
            raise errors.ProtocolError("not a NATS server")

    def _connect_command(self) -> bytes:
        writer = getattr(self._transport, "_io_writer", None)
        if self._encrypted and (writer is None or writer.get_extra_info("ssl_object") is None):
            raise errors.Error("the server offers no TLS; nothing was told to it")
        return bytes(super()._connect_command())


class Wire:
    """A connection that is open until `closed` is set."""

    def __init__(self, server: Server, node: str) -> None:
        self.server = server
        self.closed = asyncio.Event()
        self.why = ""
        """Why it is closed."""
        self.dropped = 0
        """Messages that came faster than they were taken."""
        self._node = node
        self._client = _Client(encrypted=server.encrypted)

    @classmethod
    async def open(cls, server: Server, node: str) -> "Wire":
        """Connect and log in; WireError within the deadline where that is not possible."""
        wire = cls(server, node)
        try:
            await within(CONNECT_SECONDS, wire._connect())
        except TimeoutError:
            raise WireError(f"{server.name}: no NATS server answers there in time") from None
        except (OSError, errors.Error) as error:
            raise WireError(f"{server.name}: {wire._in_words(error)}") from None
        except (ValueError, TypeError, LookupError, AttributeError):
            raise WireError(f"{server.name}: what answers there is no NATS server") from None
        else:
            return wire
        finally:
            if not wire._client.is_connected:
                wire.abort("it was not opened")

    @property
    def max_payload(self) -> int:
        """Bytes of the largest message that the server takes."""
        return int(self._client.max_payload)

    async def live(self) -> bool:
        """Whether the server answers now; if not, the connection is cut."""
        if not self.closed.is_set():
            try:
                await within(LIVE_SECONDS, self._client.rtt(ceil(LIVE_SECONDS)))
            except (TimeoutError, OSError, errors.Error):
                self.abort("the server does not answer")
        return not self.closed.is_set()

    async def ask(self, subject: str, data: bytes, seconds: float, headers: dict[str, str] | None = None) -> Msg:
        """What is answered; NobodyListens, or WireError where nothing comes in time."""
        self._need()
        try:
            work = self._client.request(subject, data, timeout=seconds, headers=headers)
            return await within(seconds, work)
        except errors.NoRespondersError:
            raise NobodyListens(f"nobody hears {subject} at {self.server.name}") from None
        except (TimeoutError, errors.TimeoutError):
            raise WireError(f"no answer by {self.server.name} in {seconds:.3g} s", unknown=True) from None
        except (OSError, errors.Error) as error:
            raise WireError(f"{self.server.name}: {self._in_words(error)}", unknown=True) from None

    async def say(self, subject: str, data: bytes) -> None:
        """Send without an answer; what cannot be sent is as if it had been lost on its way."""
        if not self.closed.is_set():
            try:
                await within(LIVE_SECONDS, self._client.publish(subject, data))
            except (TimeoutError, OSError, errors.Error):
                self.abort("the server takes nothing")

    async def hear(self, subject: str, take: Callable[[Msg], Awaitable[None]]) -> None:
        """Give what is said on a subject to a function, one at a time; WireError where the connection is gone."""
        self._need()
        work = self._client.subscribe(
            subject, cb=take, pending_msgs_limit=PENDING_MESSAGES, pending_bytes_limit=PENDING_BYTES
        )
        try:
            await within(LIVE_SECONDS, work)
        except (TimeoutError, OSError, errors.Error) as error:
            raise WireError(f"{self.server.name}: {self._in_words(error)}") from None

    def abort(self, why: str) -> None:
        """Cut it now, whatever waits to be sent."""
        client = self._client
        self.why = self.why or why
        client._status = Client.CLOSED
        for sub in list(client._subs.values()):
            if sub._wait_for_msgs_task is not None:
                sub._wait_for_msgs_task.cancel()
        client._subs.clear()
        for task in (client._reading_task, client._ping_interval_task, client._flusher_task):
            if task is not None and task is not asyncio.current_task():
                task.cancel()
        for name in ("_io_writer", "_bare_io_writer"):
            writer: asyncio.StreamWriter | None = getattr(client._transport, name, None)
            if writer is not None:
                writer.transport.abort()
        for waiting in list(getattr(client, "_resp_map", {}).values()):
            if not waiting.done():
                waiting.set_exception(errors.ConnectionClosedError())
                waiting.exception()  # whoever waits is told; where nobody does any more, nothing is to be logged
        self.closed.set()

    async def _connect(self) -> None:
        server = self.server
        options: dict[str, Any] = {}
        if server.credentials is not None:
            found = Credentials.read(server.credentials)
            options |= {"user_jwt_cb": found.token, "signature_cb": found.sign}
        if server.encrypted:
            context = await asyncio.to_thread(_context, server.certificate)
            options |= {"tls": context, "tls_handshake_first": server.tls_first}
            if server.tls_name:
                options["tls_hostname"] = server.tls_name
        await self._client.connect(
            [server.url],
            error_cb=self._fault,
            closed_cb=self._gone,
            allow_reconnect=False,
            max_reconnect_attempts=1,
            reconnect_time_wait=ceil(CONNECT_SECONDS),
            connect_timeout=ceil(CONNECT_SECONDS),
            ping_interval=86_400,
            inbox_prefix=f"_INBOX.{self._node}",
            name=f"multifleet {self._node}",
            user=server.user or None,
            password=server.password or None,
            token=server.token or None,
            pending_size=SENDING_LIMIT,
            flush_timeout=LIVE_SECONDS,
            **options,
        )

    async def _fault(self, error: Exception) -> None:
        if isinstance(error, errors.SlowConsumerError):
            self.dropped += 1
            return
        self.why = self.why or self._in_words(error)
        if not self._client.is_connected and isinstance(error, OSError):
            raise error  # the first address is the only one: the library would wait and try it again

    async def _gone(self) -> None:
        self.abort("the server closed the connection")

    def _need(self) -> None:
        if self.closed.is_set():
            raise WireError(f"{self.server.name}: {self.why}")

    def _in_words(self, error: BaseException) -> str:
        if isinstance(error, ssl.SSLCertVerificationError):
            return "its certificate is not the one that is expected"
        if isinstance(error, ssl.SSLError):
            return "no TLS is possible with it"
        words = getattr(error, "strerror", None) or str(error) or type(error).__name__
        for secret in (self.server.password, self.server.token):
            words = words.replace(secret, "…") if secret else words
        return words.removeprefix("nats: ")[:200]


def _context(certificate: str) -> ssl.SSLContext:
    if not certificate:
        return ssl.create_default_context()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cadata=certificate)
    return context
