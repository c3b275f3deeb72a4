"""Asks the daemon over its Unix socket: HTTP/1.1, one request a connection.

Written by hand on `_socket`, because http.client and even `socket` cost more time than the daemon's answer.
"""

import json
from _socket import AF_UNIX, SOCK_STREAM
from _socket import socket as Socket
from _socket import timeout as Timeout

from multifleet.cli.arguments import Value
from multifleet.cli.shape import Command, Failed, NotRunning
from multifleet.paths import home_folder, socket_place

TIMEOUT = 15.0
"""Seconds that the daemon has to answer, unless it was asked to wait."""
LARGEST_ANSWER = 64 * 1024 * 1024

_PLAIN = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~")


class Frozen(Failed):
    """The daemon took the request and did not answer in time."""


def ask(command: Command, values: dict[str, Value], timeout: float = TIMEOUT) -> bytes:
    """The JSON of the result; Failed carries the daemon's own words where it refuses."""
    path, body = _address(command, values)
    status, answer = request(command.method, path, body, timeout)
    if status >= 400:
        raise Failed(_reason(status, answer))
    return answer


def request(method: str, path: str, body: bytes | None, timeout: float) -> tuple[int, bytes]:
    """The status and the body of the answer; NotRunning where nobody listens."""
    head = f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
    if body is not None:
        head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
    home = home_folder()
    connection = Socket(AF_UNIX, SOCK_STREAM)
    try:
        connection.settimeout(timeout)
        connection.connect(socket_place(home))
        connection.sendall(head.encode() + b"\r\n" + (body or b""))
        return _read_answer(connection)
    except (FileNotFoundError, ConnectionRefusedError, NotADirectoryError):
        raise NotRunning(f"no daemon runs for {home}: start it with `multifleet up`") from None
    except PermissionError:
        raise Failed(
            f"the daemon of {home} belongs to another user: set MULTIFLEET_HOME to a home of yours"
        ) from None
    except (Timeout, BlockingIOError):
        raise Frozen(
            f"the daemon of {home} did not answer in {timeout:g} s: see `multifleet doctor`, "
            "or stop it with `multifleet down` and start it again"
        ) from None
    except OSError as error:
        raise Failed(
            f"the daemon of {home} broke the connection off ({error.strerror or error}): try again"
        ) from None
    finally:
        connection.close()


def _address(command: Command, values: dict[str, Value]) -> tuple[str, bytes | None]:
    path, left = command.path, dict(values)
    for name in values:
        slot = "{" + name + "}"
        if slot in path:
            path = path.replace(slot, _quote(str(left.pop(name))))
    if command.method == "GET":
        query = "&".join(f"{name}={_quote(_in_query(value))}" for name, value in left.items())
        return (f"{path}?{query}" if query else path), None
    return path, json.dumps(left).encode()


def _in_query(value: Value) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _quote(text: str) -> str:
    return "".join(chr(byte) if byte in _PLAIN else f"%{byte:02X}" for byte in text.encode())


def _read_answer(connection: Socket) -> tuple[int, bytes]:
    answer = bytearray()
    end = -1
    length = 0
    while end < 0 or len(answer) - end < length:
        piece = connection.recv(65536)
        if not piece:
            raise OSError("it closed before its answer was whole")
        answer += piece
        if end < 0:
            at = answer.find(b"\r\n\r\n")
            if at >= 0:
                end = at + 4
                length = _content_length(bytes(answer[:at]))
        if len(answer) > LARGEST_ANSWER:
            raise OSError("its answer is too long")
    return int(answer[9:12]), bytes(answer[end : end + length])


def _content_length(head: bytes) -> int:
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
    raise OSError("its answer has no length")


def _reason(status: int, answer: bytes) -> str:
    try:
        return str(json.loads(answer)["error"]["message"])
    except (ValueError, KeyError, TypeError):
        return f"the daemon answered {status}: see its log in {home_folder()}/logs"
