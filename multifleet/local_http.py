"""The little HTTP/1.1 that this machine's programs speak to the daemon, as bytes; opens no connection.

Written by hand because http.client alone costs a command more time than the daemon's answer.
"""

import json

LARGEST_ANSWER = 64 * 1024 * 1024

_PLAIN = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~")


class BadAnswer(Exception):
    """What came back is no whole answer of the daemon."""


def request_for(method: str, path: str, values: dict[str, object]) -> bytes:
    """A request with the values in the path's {slots}, and the rest in the query (GET) or in a JSON body."""
    left = dict(values)
    for name in values:
        slot = "{" + name + "}"
        if slot in path:
            path = path.replace(slot, quote(str(left.pop(name))))
    if method != "GET":
        return request(method, path, json.dumps(left).encode())
    query = "&".join(f"{name}={quote(_in_query(value))}" for name, value in left.items())
    return request(method, f"{path}?{query}" if query else path)


def request(method: str, path: str, body: bytes | None = None) -> bytes:
    """The bytes of a request; the daemon closes the connection after its answer."""
    head = f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
    if body is not None:
        head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
    return head.encode() + b"\r\n" + (body or b"")


def head_of(data: bytes | bytearray) -> tuple[int, int, int] | None:
    """Status, where the body begins and how long it is; None while the head is not whole."""
    end = data.find(b"\r\n\r\n")
    if end < 0:
        return None
    lines = bytes(data[:end]).split(b"\r\n")
    for line in lines[1:]:
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length" and int(value) <= LARGEST_ANSWER:
            return int(lines[0].split()[1]), end + 4, int(value)
    raise BadAnswer("the daemon's answer has no length, or is too long")


def reason(status: int, answer: bytes) -> str:
    """Why the daemon refused, in its own words."""
    try:
        return str(json.loads(answer)["error"]["message"])
    except (ValueError, KeyError, TypeError):
        return f"the daemon answered {status}: see logs/daemon.log in its home"


def _in_query(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def quote(text: str) -> str:
    """The text as it may stand in a path or a query."""
    return "".join(chr(byte) if byte in _PLAIN else f"%{byte:02X}" for byte in text.encode())
