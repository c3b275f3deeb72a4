"""What goes back over HTTP: an answer, a refusal, and the bytes of both. Nothing here reads or waits.

Head and body are one bytes object, because clients were measured to be slower when they arrive in two
pieces. No answer ever carries a CORS header: a page of another origin may send, but never read.
"""

from functools import cache
from http import HTTPStatus
from typing import NamedTuple

import msgspec

JSON = "application/json"
TEXT = "text/plain; charset=utf-8"
BYTES = "application/octet-stream"


class Answer(NamedTuple):
    """One answer, before it is known whether the connection stays open."""

    status: int
    body: bytes
    kind: str = JSON
    allow: str = ""
    """For 405: the methods that the path does take."""


class Refused(Exception):
    """The request is turned away before any operation or peer code sees it."""

    def __init__(self, status: int, code: str, message: str, allow: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.allow = allow


def refusal(refused: Refused) -> Answer:
    """The answer that tells it."""
    return error_answer(refused.status, refused.code, str(refused))._replace(allow=refused.allow)


def error_answer(status: int, code: str, message: str) -> Answer:
    """{"error": {"code", "message"}}; the message becomes one line."""
    line = " ".join(message.split())
    return Answer(status, msgspec.json.encode({"error": {"code": code, "message": line}}))


def render(answer: Answer, last: bool) -> bytes:
    """The bytes of the answer; `last` tells the client that the connection closes after it."""
    status, body, kind, allow = answer
    return b"%sContent-Length: %d\r\n\r\n%s" % (_head(status, kind, allow, last), len(body), body)


@cache
def _head(status: int, kind: str, allow: str, last: bool) -> bytes:
    try:
        reason = HTTPStatus(status).phrase
    except ValueError:
        reason = "Unknown"
    lines = [
        f"HTTP/1.1 {status} {reason}",
        f"Content-Type: {kind}",
        "Cache-Control: no-store",
        "X-Content-Type-Options: nosniff",
        *([f"Allow: {allow}"] if allow else []),
        *(["Connection: close"] if last else []),
    ]
    return ("\r\n".join(lines) + "\r\n").encode()
