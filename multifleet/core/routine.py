"""What is said to a Claude Code routine, and how its answer is read. See docs/cloud.md."""

import re
from dataclasses import dataclass

import msgspec

from multifleet.core.visible import visible

BETA = "experimental-cc-routine-2026-04-01"
VERSION = "2023-06-01"
TEXT_LIMIT = 65_536
"""Characters of one text."""
_SESSION_URL = re.compile(r"https://[A-Za-z0-9.-]{1,100}(?::\d{1,5})?/[!-~]{1,400}")
_ADDRESS = re.compile(
    r"https://(?P<host>[A-Za-z0-9.-]{1,253}|\[[0-9a-fA-F:.]+\])(?::(?P<port>\d{1,5}))?(?P<path>/[!-~]*)"
)


@dataclass(frozen=True, slots=True)
class RoutineAddress:
    """The three parts of a routine's address."""

    host: str
    port: int
    path: str

    @property
    def authority(self) -> str:
        """As a Host header names it."""
        return self.host if self.port == 443 else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Fired:
    """A session was created; no more than that is known of it."""

    url: str
    session: str


@dataclass(frozen=True, slots=True)
class NotFired:
    """The answer says no. `unknown`: a session may have been created all the same."""

    reason: str
    unknown: bool


class _Success(msgspec.Struct):
    type: str
    claude_code_session_id: str
    claude_code_session_url: str


class _Error(msgspec.Struct):
    message: str = ""


class _Failure(msgspec.Struct):
    error: _Error


_REASONS = {
    400: "the routine takes no such request, or is paused",
    401: "the token is not the routine's",
    403: "the token may not start the routine",
    404: "there is no such routine",
    429: "no more runs are allowed for now",
}


def read_address(text: str) -> RoutineAddress | None:
    """The address that the routine's page shows; None where it is none. A token goes over nothing but https."""
    match = _ADDRESS.fullmatch(text)
    if match is None or int(match["port"] or 443) > 65_535:
        return None
    return RoutineAddress(match["host"], int(match["port"] or 443), match["path"])


def fire_request(address: RoutineAddress, token: str, text: str) -> bytes:
    """The one request. ValueError where the token cannot stand in a header."""
    if not re.fullmatch("[!-~]{1,4000}", token):
        raise ValueError("the token is empty, or not one line of printable characters")
    body = msgspec.json.encode({"text": text[:TEXT_LIMIT]})
    head = (
        f"POST {address.path} HTTP/1.1\r\nHost: {address.authority}\r\nAuthorization: Bearer {token}\r\n"
        f"anthropic-beta: {BETA}\r\nanthropic-version: {VERSION}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\nAccept-Encoding: identity\r\nConnection: close\r\n\r\n"
    )
    return head.encode("ascii") + body


def read_answer(status: int, body: bytes) -> Fired | NotFired:
    """What an answer proves. Only a refusal that names the request as the reason says that no session was made."""
    if status == 200:
        try:
            said = msgspec.json.decode(body, type=_Success)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            return NotFired("the answer cannot be read", unknown=True)
        if said.type != "routine_fire" or not _SESSION_URL.fullmatch(said.claude_code_session_url):
            return NotFired("the answer names no session", unknown=True)
        return Fired(said.claude_code_session_url, visible(said.claude_code_session_id[:200], one_line=True))
    reason = _REASONS.get(status, f"HTTP {status}")
    if words := _words(body):
        reason = f"{reason} ({words})"
    return NotFired(reason, unknown=status not in _REASONS)


def _words(body: bytes) -> str:
    try:
        return visible(msgspec.json.decode(body, type=_Failure).error.message[:200], one_line=True)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return ""
