"""Opens TCP connections only to see how that ends: no frame goes over them, and they are closed at once."""

import asyncio
import contextlib
import errno
import socket
from collections.abc import Iterable, Sequence

from multifleet.config import split_address
from multifleet.core.diagnosis.evidence import Connect, Greeting, Knock

CONNECT_SECONDS = 3.4
"""Enough for a lost SYN to be sent again twice."""
GREETING_SECONDS = 1.5
GREETING_BYTES = 2_048
AT_ONCE = 8
_ORDER = (Connect.OPEN, Connect.REFUSED, Connect.SILENT, Connect.NO_ROUTE, Connect.NO_NAME)
_NO_ROUTE = (errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN, errno.EADDRNOTAVAIL, errno.EPERM, errno.EACCES)


async def knock_all(addresses: Iterable[str], seconds: float = CONNECT_SECONDS, *, greet: bool = False) -> list[Knock]:
    """Each address, at the same time."""
    return list(await asyncio.gather(*(knock(address, seconds, greet=greet) for address in list(addresses)[:AT_ONCE])))


async def knock(address: str, seconds: float = CONNECT_SECONDS, *, greet: bool = False) -> Knock:
    """How a connection to "host:port" ends; with `greet`, what GET /health brings there."""
    end, said = await _converse(address, seconds, _request(address) if greet else None)
    if end is not Connect.OPEN or not greet:
        return Knock(address, end)
    if not said:
        return Knock(address, end, Greeting.MUTE)
    # A stranger gets "ok" and no more, a daemon's own user a line of JSON.
    is_ours = said.startswith(b"HTTP/1.1 200") and (said.endswith(b"ok\n") or b'"ok":true' in said)
    return Knock(address, end, Greeting.OK if is_ours else Greeting.ELSE)


async def speaks_nats(address: str, seconds: float = CONNECT_SECONDS) -> tuple[Connect, bool]:
    """How a connection to a NATS server ends, and whether it says what such a server says first."""
    end, said = await _converse(address, seconds, b"")
    return end, said.startswith(b"INFO ")


def best(knocks: Sequence[Knock]) -> Connect | None:
    """The end that tells most; None where nothing was tried."""
    return min((knock.end for knock in knocks), key=_ORDER.index, default=None)


def local_end(address: str) -> str:
    """The address of this machine from which packets go to a host; empty where there is no route. Sends nothing."""
    host, port = split_address(address)
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((host, port))
            return str(probe.getsockname()[0])
    except (OSError, UnicodeError):
        return ""


async def _converse(address: str, seconds: float, request: bytes | None) -> tuple[Connect, bytes]:
    """The end of the connection, and the first bytes that come over it where a request is given."""
    writer = None
    try:
        host, port = split_address(address)
        async with asyncio.timeout(seconds):
            reader, writer = await asyncio.open_connection(host, port, limit=GREETING_BYTES)
        if request is None:
            return Connect.OPEN, b""
        said = bytearray()
        # What had come by then counts, however the connection ends.
        with contextlib.suppress(TimeoutError, OSError):
            async with asyncio.timeout(GREETING_SECONDS):
                writer.write(request)
                await _first(reader, said, whole=bool(request))
        return Connect.OPEN, bytes(said)
    except TimeoutError:
        return Connect.SILENT, b""
    except socket.gaierror:
        return Connect.NO_NAME, b""
    except (ConnectionRefusedError, ConnectionResetError):
        return Connect.REFUSED, b""
    except (OSError, ValueError) as error:
        known = isinstance(error, OSError) and error.errno in _NO_ROUTE
        return (Connect.NO_ROUTE if known else Connect.SILENT), b""
    finally:
        if writer is not None:
            writer.transport.abort()


async def _first(reader: asyncio.StreamReader, said: bytearray, *, whole: bool) -> None:
    """Take what comes until the other side closes, as far as there is room; or the first piece of it."""
    while len(said) < GREETING_BYTES and (more := await reader.read(GREETING_BYTES - len(said))):
        said += more
        if not whole:
            return


def _request(address: str) -> bytes:
    return f"GET /health HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n".encode()
