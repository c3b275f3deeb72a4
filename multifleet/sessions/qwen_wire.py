"""The lines of Qwen Code's cross-session protocol, version 1, as its maker documents it. Reads and writes no socket.

What does not look as documented is reported as odd and changes nothing.
"""

import json
import re
from typing import Any

from multifleet.core.defang import defang
from multifleet.core.packets import Mode
from multifleet.core.visible import visible
from multifleet.sessions.claude_wire import MAX_LINE_UNITS, InboxEvent, Odd, Receipt, Reply, clean_name

VERSION = 1
"""Of the lines; what says a higher one is not for us."""
STATUSES = frozenset({"held", "delivered", "denied", "refused", "expired", "misaddressed", "dropped"})
MOST_DROPPED = 256
"""Messages that one receipt may tell to be lost."""

_MESSAGE_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_DROPS = frozenset({"rate-limited", "duplicate", "queue-full"})


def auth_line(token: str) -> bytes:
    """The first line of a connection to an inbox that wants this token."""
    return _line({"msgV": VERSION, "type": "auth", "token": token})


def message_line(
    text: str,
    *,
    offer_id: str,
    session_id: str,
    from_path: str | None,
    from_name: str,
    from_mode: str | None = None,
    reply_token: str | None = None,
) -> bytes:
    """The line that offers a text to one conversation; ValueError when something in it has not the right form.

    Without a `from_mode` nothing is claimed: the session then holds it for its user, unless they have set otherwise.
    """
    if not is_message_id(offer_id):
        raise ValueError("a message's id is 1 to 64 of A-Z a-z 0-9 _ -")
    if from_mode not in (None, "prompting"):
        raise ValueError("no other mode than 'prompting' may be claimed for somebody else's session")
    if not text:
        raise ValueError("a message has a text")
    frame: dict[str, Any] = {"msgV": VERSION, "msgId": offer_id, "type": "user"}
    frame |= {"from": from_path} if from_path else {}
    frame |= {"replyToken": reply_token} if reply_token else {}
    frame |= {"fromName": name} if (name := clean_name(from_name)) else {}
    frame |= {"fromMode": from_mode} if from_mode else {}
    frame |= {"toSessionId": session_id, "priority": "next", "message": {"role": "user", "content": text}}
    line = _line(frame)
    if len(line) > MAX_LINE_UNITS:
        raise ValueError(f"the text makes a line of more than {MAX_LINE_UNITS} characters")
    return line


def status_line(
    *, line_id: str, about: str, status: str, reason: str, from_path: str, dropped: str | None = None
) -> bytes:
    """The line that tells a session what became of a message it sent; `dropped`: why, if that is the status."""
    if status not in STATUSES:
        raise ValueError(f"a report's status is not {status!r}")
    frame = {
        "msgV": VERSION,
        "msgId": line_id,
        "type": "control",
        "action": "delivery_status",
        "status": status,
        "origMsgId": about,
        "from": from_path,
        "reason": defang(visible(reason, one_line=True))[:500],
    }
    return _line(frame | ({"dropReason": dropped} if dropped is not None else {}))


def is_message_id(text: object) -> bool:
    """Whether the protocol takes this as a message's id."""
    return isinstance(text, str) and bool(_MESSAGE_ID.fullmatch(text)) and text.replace("-", "").lower() != "all"


def is_of_qwen(frame: dict[str, Any]) -> bool:
    """Whether a line that came to a socket of ours is of this protocol: the other one spells its ids otherwise."""
    return "msgId" in frame


def events_of(frame: dict[str, Any], socket: str, pid: int | None) -> list[InboxEvent]:
    """What a line that came to our socket says; nothing for one that says nothing to us."""
    version = frame.get("msgV")
    if not isinstance(version, int) or isinstance(version, bool) or version > VERSION:
        return [Odd(socket, "a line of an unknown version", pid)]
    kind = frame.get("type")
    if kind == "control" and frame.get("action") == "delivery_status":
        return _receipts(frame, socket, pid)
    if kind == "user":
        return [_reply(frame, socket, pid)]
    return [Odd(socket, f"a line of type {visible(str(kind), one_line=True)[:40]!r}", pid)]


def _receipts(frame: dict[str, Any], socket: str, pid: int | None) -> list[InboxEvent]:
    status = frame.get("status")
    if not isinstance(status, str) or status not in STATUSES:
        return [Odd(socket, "a receipt of an unknown status", pid)]
    named = [frame.get("origMsgId")]
    said = frame.get("reason")
    detail = visible(said, one_line=True)[:300] if isinstance(said, str) else ""
    if status == "dropped":
        why, others = frame.get("dropReason"), frame.get("droppedMsgIds")
        detail = why if isinstance(why, str) and why in _DROPS else "no reason said"
        named += others[:MOST_DROPPED] if isinstance(others, list) else []
    ids = dict.fromkeys(id for id in named if isinstance(id, str) and is_message_id(id))
    return [Receipt(socket, id, status, detail, pid, "qwen") for id in ids] or [
        Odd(socket, "a receipt that names no offer", pid)
    ]


def _reply(frame: dict[str, Any], socket: str, pid: int | None) -> InboxEvent:
    message = frame.get("message")
    content = message.get("content") if isinstance(message, dict) and message.get("role") == "user" else None
    if not isinstance(content, str) or not content:
        return Odd(socket, "a message without a text", pid)
    message_id = frame.get("msgId")
    address, name, mode = frame.get("from"), frame.get("fromName"), frame.get("fromMode")
    said: Mode | None = "prompting" if mode == "prompting" else "bypass" if mode == "bypass" else None
    return Reply(
        socket=socket,
        message_id=message_id if isinstance(message_id, str) and is_message_id(message_id) else None,
        text=content,
        pid=pid,
        from_address=address[:200] if isinstance(address, str) else None,
        from_name=visible(name, one_line=True)[:200] if isinstance(name, str) else None,
        from_session=None,
        from_mode=said,
    )


def _line(frame: dict[str, Any]) -> bytes:
    return json.dumps(frame, ensure_ascii=True).encode() + b"\n"
