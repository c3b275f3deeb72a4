"""Reads the lines that sessions write to our sockets, each in the protocol of its client: one socket serves both."""

import json

from multifleet.sessions import claude_wire, qwen_wire
from multifleet.sessions.claude_wire import InboxEvent, Odd


def read_line(line: bytes, socket: str, pid: int | None) -> list[InboxEvent]:
    """What a line that came to our socket says; nothing for one that says nothing to us."""
    try:
        frame = json.loads(line)
    except (ValueError, RecursionError):
        return [Odd(socket, "not JSON", pid)]
    if not isinstance(frame, dict):
        return [Odd(socket, "not a JSON object", pid)]
    if frame.get("type") == "auth":
        return []  # the kernel says who it is
    if qwen_wire.is_of_qwen(frame):
        return qwen_wire.events_of(frame, socket, pid)
    return claude_wire.events_of(frame, socket, pid)
