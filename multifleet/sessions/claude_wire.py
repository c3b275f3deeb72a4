"""The lines that Claude Code's session inbox takes and sends, as measured with 2.1.329. Reads and writes no
socket.

None of it is documented by the vendor: what does not look exactly as measured is reported as odd and changes
nothing.
"""

import json
import re
from dataclasses import dataclass
from typing import Any

from multifleet.core.defang import defang
from multifleet.core.packets import Mode
from multifleet.core.visible import visible

MAX_LINE_UNITS = 1_000_000
"""UTF-16 units; the client drops a connection without a word at 1,048,576."""

_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_TOKEN = re.compile(r"[A-Za-z0-9_-]{1,80}")
_CLOSING = re.compile(r"<(?=\s*/\s*cross[-_]session[-_]message)", re.IGNORECASE)
_WRAPPER = re.compile(
    r'<cross-session-message from="(?P<address>uds:[A-Za-z0-9%:_/.\-]{1,200})"'
    r'(?: from-session="(?P<session>[A-Za-z0-9_-]{1,80})")?(?: hop-chain="[^"<>\r\n]{0,400}")?'
    r'(?: from-name="(?P<name>[^"<>\r\n]{1,200})")?(?: from-mode="(?P<mode>prompting|bypass)")?'
    r'(?: from-plugin="[^"<>\r\n]{0,200}")?>\n(?P<body>.*)\n</cross-session-message>',
    re.DOTALL,
)
_STATUSES = frozenset({"held", "delivered", "denied", "expired", "dropped"})
IDLE_STATES = frozenset({"idle", "exited", "unavailable"})


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of an offer, in the client's word: held, delivered, denied, expired, refused or dropped."""

    socket: str
    offer_id: str
    status: str
    detail: str
    pid: int | None
    client: str = "claude"
    """In whose protocol it was said."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What a session's model sent to our address; `pid` in the kernel's word, the names in the client's."""

    socket: str
    message_id: str | None
    text: str
    pid: int | None
    from_address: str | None
    from_name: str | None
    from_session: str | None
    from_mode: Mode | None = None


@dataclass(frozen=True, slots=True)
class Odd:
    """A line that is none of these; the reason never holds a message's text."""

    socket: str
    reason: str
    pid: int | None


@dataclass(frozen=True, slots=True)
class IdleWish:
    """A session wants to be told when whoever our address stands for is idle."""

    socket: str
    wish_id: str
    pid: int | None


@dataclass(frozen=True, slots=True)
class IdleNotice:
    """A session answers a wish of ours. `idle`: it rests, and holds nothing for its user; `exited`, or `unavailable`:
    it will not tell."""

    socket: str
    wish_id: str
    state: str
    pid: int | None


InboxEvent = Receipt | Reply | IdleWish | IdleNotice | Odd


def message_line(
    text: str,
    *,
    offer_id: str,
    session_id: str,
    from_address: str | None,
    from_name: str,
    from_session: str,
    from_mode: str | None = None,
) -> bytes:
    """The line that offers a text to one conversation; ValueError when something in it has not the right
    shape."""
    if not _UUID.fullmatch(offer_id) or not _UUID.fullmatch(session_id):
        raise ValueError("an offer and its session are named by UUIDs")
    if not _TOKEN.fullmatch(from_session):
        raise ValueError("from-session is 1 to 80 of A-Z a-z 0-9 _ -")
    if from_mode not in (None, "prompting"):
        raise ValueError("no other mode than 'prompting' may be claimed for somebody else's session")
    attributes = [f'from="{from_address}"'] if from_address else []
    attributes.append(f'from-session="{from_session}"')
    if name := clean_name(from_name):
        attributes.append(f'from-name="{name}"')
    if from_mode:
        attributes.append(f'from-mode="{from_mode}"')
    body = _CLOSING.sub("<\\\\", text)
    content = f"<cross-session-message {' '.join(attributes)}>\n{body}\n</cross-session-message>"
    frame: dict[str, Any] = {
        "msgV": 1,
        "msg_id": offer_id,
        "type": "user",
        "message": {"role": "user", "content": content},
        "priority": "next",
        "session_id": session_id,
    }
    if from_address:
        frame["from"] = from_address
    line = json.dumps(frame, ensure_ascii=True)
    if len(line) > MAX_LINE_UNITS:
        raise ValueError(f"the text makes a line of more than {MAX_LINE_UNITS} characters")
    return line.encode() + b"\n"


def report_line(*, line_id: str, about: str, status: str, reason: str, from_address: str) -> bytes:
    """The line that tells a session what became of a message it sent: held, delivered, expired, denied or refused."""
    if status not in _STATUSES - {"dropped"} | {"refused"}:
        raise ValueError(f"a report's status is not {status!r}")
    frame = {
        "type": "control",
        "action": "peer_message_status",
        **({"status": "expired", "status_detail": "refused"} if status == "refused" else {"status": status}),
        "reason": defang(visible(reason, one_line=True))[:500],
        "from": from_address,
        "orig_msg_id": about,
        "msgV": 1,
        "msg_id": line_id,
    }
    return json.dumps(frame).encode() + b"\n"


def idle_line(*, line_id: str, about: str, state: str, finished_at: float | None, from_address: str) -> bytes:
    """The line that answers an IdleWish: idle (since when), exited, or unavailable: then no notice will follow."""
    if state not in IDLE_STATES:
        raise ValueError(f"an idle notice's state is not {state!r}")
    frame: dict[str, Any] = {
        "type": "control",
        "action": "peer_idle_notice",
        "orig_msg_id": about,
        "state": state,
        "from": from_address,
        "msgV": 1,
        "msg_id": line_id,
    }
    if finished_at is not None:
        frame["finished_at"] = round(finished_at * 1000)
    return json.dumps(frame).encode() + b"\n"


def wish_line(*, wish_id: str, from_address: str) -> bytes:
    """The line that asks a session to tell us once it rests."""
    frame = {"type": "control", "action": "notify_when_idle", "from": from_address, "msg_id": wish_id, "msgV": 1}
    return json.dumps(frame).encode() + b"\n"


def events_of(frame: dict[str, Any], socket: str, pid: int | None) -> list[InboxEvent]:
    """What a line that came to our socket says; nothing for one that says nothing to us."""
    kind = frame.get("type")
    if kind == "control" and frame.get("action") == "peer_message_status":
        return _receipts(frame, socket, pid)
    if kind == "control" and frame.get("action") == "notify_when_idle":
        wish = frame.get("msg_id")
        is_named = isinstance(wish, str) and _UUID.fullmatch(wish)
        return [IdleWish(socket, str(wish), pid) if is_named else Odd(socket, "a wish without an id", pid)]
    if kind == "control" and frame.get("action") == "peer_idle_notice":
        return [_notice(frame, socket, pid)]
    if kind == "user":
        return [_reply(frame, socket, pid)]
    return [Odd(socket, f"a line of type {visible(str(kind), one_line=True)[:40]!r}", pid)]


def clean_name(name: str) -> str:
    """The name as the receiver's strict parser takes it: no quotes, angle brackets or control characters."""
    return re.sub(r'["<>]', "", visible(name, one_line=True)).strip()[:100]


def _receipts(frame: dict[str, Any], socket: str, pid: int | None) -> list[InboxEvent]:
    status = frame.get("status")
    if not isinstance(status, str) or status not in _STATUSES:
        return [Odd(socket, "a receipt of an unknown status", pid)]
    if status == "expired" and frame.get("status_detail") == "refused":
        status = "refused"
    said = frame.get("drop_reason") if status == "dropped" else frame.get("reason")
    detail = visible(said, one_line=True)[:300] if isinstance(said, str) else ""
    dropped = frame.get("dropped_msg_ids")
    named = [frame.get("orig_msg_id"), *(dropped[:1000] if isinstance(dropped, list) else [])]
    ids = dict.fromkeys(id for id in named if isinstance(id, str) and _UUID.fullmatch(id))
    return [Receipt(socket, id, status, detail, pid) for id in ids] or [
        Odd(socket, "a receipt that names no offer", pid)
    ]


def _notice(frame: dict[str, Any], socket: str, pid: int | None) -> InboxEvent:
    wish, state = frame.get("orig_msg_id"), frame.get("state")
    if not isinstance(wish, str) or not _UUID.fullmatch(wish):
        return Odd(socket, "an idle notice that names no wish", pid)
    return IdleNotice(socket, wish, state if isinstance(state, str) and state in IDLE_STATES else "unavailable", pid)


def _reply(frame: dict[str, Any], socket: str, pid: int | None) -> InboxEvent:
    message = frame.get("message")
    content = message.get("content") if isinstance(message, dict) else None
    if not isinstance(content, str) or not content:
        return Odd(socket, "a message without a text", pid)
    message_id = frame.get("msg_id")
    message_id = message_id if isinstance(message_id, str) and _UUID.fullmatch(message_id) else None
    wrapped = _WRAPPER.fullmatch(content)
    if wrapped is None:
        return Reply(socket, message_id, content, pid, None, None, None)
    body = re.sub(r"<\\(?=\s*/\s*cross[-_]session[-_]message)", "<", wrapped["body"], flags=re.IGNORECASE)
    mode: Mode | None = wrapped["mode"]  # type: ignore[assignment]  # the pattern takes no other word
    return Reply(socket, message_id, body, pid, wrapped["address"], wrapped["name"], wrapped["session"], mode)
