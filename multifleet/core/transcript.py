"""What a session's transcript proves about messages that were offered to it. Fed with bytes as they appear;
reads no file.

Believed are only records that carry our offer's id or its unguessable token where the client itself puts
them, and "seen" only when an answer of the model has such a record among its ancestors. A text that merely
occurs proves nothing.
"""

import json
import re
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

MAX_LINE = 16 * 1024 * 1024
"""Bytes; a longer line is passed over, so that a damaged file cannot fill the memory."""
MAX_LINEAGE = 20_000
"""Records whose descent is remembered; the newest, because conversations go on from their newest record."""
MAX_ANSWER = 200_000

_SENDER = re.compile(r'<cross-session-message(?: [a-z-]+="[^"<>]*")*? from-session="([A-Za-z0-9_-]{1,80})"')
_GOES_ON = (None, "tool_use", "pause_turn")
_IDLE = "TeammateIdle hook feedback:\n"


class Fact(StrEnum):
    """What is proven of an offer, weakest first."""

    NONE = "none"
    QUEUED = "queued"
    ENTERED = "entered"
    SEEN = "seen"

    @property
    def height(self) -> int:
        """Its place in that order, from 0."""
        return _HEIGHT[self]


_HEIGHT = {Fact.NONE: 0, Fact.QUEUED: 1, Fact.ENTERED: 2, Fact.SEEN: 3}


@dataclass(frozen=True, slots=True)
class Sighting:
    """News of an offer. `ended`: the turn it entered is over; `answer`: the text of the turn, if the offer
    began it; `dropped`: the client took it out of the conversation again."""

    offer_id: str
    fact: Fact
    ended: bool = False
    answer: str | None = None
    dropped: bool = False


@dataclass(slots=True)
class _Watch:
    token: str
    fact: Fact = Fact.NONE
    began_turn: bool = False
    before_turn: bool = False
    ended: bool = False
    before: object = None
    message_id: object = None
    text: str = ""

    @property
    def is_finished(self) -> bool:
        return self.ended and self.fact is Fact.SEEN

    @property
    def answer(self) -> str | None:
        return self.text if self.ended and self.began_turn and self.text else None


class TranscriptProof:
    """Follows one session's transcript for the offers that are watched in it."""

    def __init__(self, *, of_mate: bool = False) -> None:
        """`of_mate`: the transcript is that of a team mate, which is shown messages when it goes idle."""
        self._of_mate = of_mate
        self._watches: dict[str, _Watch] = {}
        self._by_token: dict[str, str] = {}
        self._lineage: OrderedDict[str, frozenset[str]] = OrderedDict()
        self._partial = b""
        self._skipping = False
        self._last_message: object = None
        self.skipped = 0

    @property
    def watched(self) -> frozenset[str]:
        """The ids of the offers that are watched."""
        return frozenset(self._watches)

    def watch(self, offer_id: str, token: str) -> None:
        """Looks for this offer from now on; the token is the from-session it was posted with, or its fence's
        mark."""
        self._watches[offer_id] = _Watch(token)
        self._by_token[token] = offer_id

    def forget(self, offer_id: str) -> None:
        """Stops looking for an offer."""
        watch = self._watches.pop(offer_id, None)
        if watch is not None:
            self._by_token.pop(watch.token, None)
        if not self._watches:
            self._lineage.clear()

    def fact(self, offer_id: str) -> Fact:
        """What is proven of an offer so far."""
        watch = self._watches.get(offer_id)
        return watch.fact if watch else Fact.NONE

    def answer(self, offer_id: str) -> str | None:
        """The text with which the turn ended that the offer began; None before that, or without a text."""
        watch = self._watches.get(offer_id)
        return watch.answer if watch else None

    def sighting(self, offer_id: str) -> Sighting:
        """All that is proven of an offer so far."""
        watch = self._watches.get(offer_id)
        return Sighting(offer_id, watch.fact, watch.ended, watch.answer) if watch else Sighting(offer_id, Fact.NONE)

    def restart(self) -> None:
        """Forgets a line that was only half there: the next bytes come from another place or another file."""
        self._partial = b""
        self._skipping = False

    def feed(self, data: bytes) -> list[Sighting]:
        """What the next bytes of the transcript prove beyond what was known; lines may be cut anywhere."""
        before = {offer_id: (watch.fact, watch.ended) for offer_id, watch in self._watches.items()}
        for line in self._lines(data):
            if self._watches and _may_matter(line):
                record = _record(line)
                if record is not None:
                    self._take(record)
        return [
            self.sighting(offer_id)
            for offer_id, watch in self._watches.items()
            if (watch.fact, watch.ended) != before[offer_id]
        ]

    def _lines(self, data: bytes) -> Iterator[bytes]:
        start = 0
        while (end := data.find(b"\n", start)) >= 0:
            piece = data[start:end]
            start = end + 1
            if self._skipping:
                self._skipping = False
            elif len(self._partial) + len(piece) > MAX_LINE:
                self._partial = b""
                self.skipped += 1
            else:
                yield self._partial + piece
                self._partial = b""
        rest = data[start:]
        if self._skipping or not rest:
            return
        if len(self._partial) + len(rest) > MAX_LINE:
            self._partial, self._skipping = b"", True
            self.skipped += 1
        else:
            self._partial += rest

    def _take(self, record: dict[str, Any]) -> None:
        kind = record.get("type")
        if kind == "queue-operation":
            self._take_queued(record)
            return
        uuid = record.get("uuid")
        if not isinstance(uuid, str) or (record.get("isSidechain") is True and not self._of_mate):
            return
        parent = record.get("parentUuid")
        if parent is None and record.get("subtype") == "compact_boundary":
            # what follows rests on a summary that the model has just made of all that was before
            parent = record.get("logicalParentUuid")
        inherited = self._lineage.get(parent, frozenset()) if isinstance(parent, str) else frozenset()
        entered = self._entered(record, kind)
        begins = kind == "user" and "promptSource" in record
        for offer_id in inherited - entered:
            watch = self._watches.get(offer_id)
            if watch is not None:
                _follow(watch, record, kind, begins, self._of_mate)
        for offer_id in entered:
            watch = self._watches[offer_id]
            watch.began_turn = watch.began_turn or kind == "user"
            if watch.fact.height < Fact.ENTERED.height:
                watch.fact, watch.before = Fact.ENTERED, self._last_message
                watch.before_turn = _is_session_start(record)
        if kind == "assistant":
            self._last_message = _message(record).get("id")
        alive = frozenset(
            offer_id
            for offer_id in inherited | entered
            if offer_id in self._watches and not self._watches[offer_id].is_finished
        )
        if alive:
            self._lineage[uuid] = alive
            while len(self._lineage) > MAX_LINEAGE:
                self._lineage.popitem(last=False)

    def _take_queued(self, record: dict[str, Any]) -> None:
        content = record.get("content")
        if record.get("operation") != "enqueue" or not isinstance(content, str):
            return
        match = _SENDER.match(content)
        queued = {self._by_token.get(match[1], "")} if match else set[str]()
        if content.startswith("<task-notification>"):
            queued |= self._with_token(content)
        for watch in filter(None, map(self._watches.get, queued)):
            if watch.fact is Fact.NONE:
                watch.fact = Fact.QUEUED

    def _entered(self, record: dict[str, Any], kind: object) -> frozenset[str]:
        if kind == "user":
            origin = record.get("origin")
            kind_of = origin.get("kind") if isinstance(origin, dict) else None
            content = _message(record).get("content")
            return self._by_origin(origin) | self._by_waking(kind_of, content) | self._by_idling(record, content)
        if kind != "attachment":
            return frozenset()
        attachment = record.get("attachment")
        if not isinstance(attachment, dict):
            return frozenset()
        if attachment.get("type") == "hook_additional_context":
            content = attachment.get("content")
            texts = [t for t in content if isinstance(t, str)] if isinstance(content, list) else []
            return frozenset(
                offer_id for token, offer_id in self._by_token.items() if any(token in text for text in texts)
            )
        waking = self._by_waking(attachment.get("commandMode"), attachment.get("prompt"))
        return self._by_origin(attachment.get("origin")) | waking

    def _by_waking(self, kind: object, content: object) -> frozenset[str]:
        """What a program of ours woke the session with: that text is the client's own note of a background task."""
        if kind != "task-notification" or not isinstance(content, str):
            return frozenset()
        return self._with_token(content)

    def _by_idling(self, record: dict[str, Any], content: object) -> frozenset[str]:
        """What a hook of ours said as a mate went idle: the client's own note, which no person and no mate wrote."""
        if not self._of_mate or record.get("isMeta") is not True or not isinstance(content, str):
            return frozenset()
        return self._with_token(content) if content.startswith(_IDLE) else frozenset()

    def _with_token(self, text: str) -> frozenset[str]:
        return frozenset(offer_id for token, offer_id in self._by_token.items() if token in text)

    def _by_origin(self, origin: object) -> frozenset[str]:
        if isinstance(origin, dict) and origin.get("kind") == "peer":
            offer_id = origin.get("msg_id")
            if isinstance(offer_id, str) and offer_id in self._watches:
                return frozenset({offer_id})
        return frozenset()


def _follow(watch: _Watch, record: dict[str, Any], kind: object, begins: bool, of_mate: bool) -> None:
    """What a record that descends from an offer means for it."""
    if kind == "assistant":
        message = _message(record)
        if record.get("isApiErrorMessage") is True or message.get("model") == "<synthetic>":
            watch.ended = True
            return
        if message.get("id") is not None and message.get("id") == watch.before:
            return  # the rest of an answer whose request was made before the offer came in
        watch.fact = Fact.SEEN
        if not watch.ended:
            _keep_text(watch, message)
            # `claude -p` and a mate write no turn_duration; there the answer's own end is all that tells the turn's
            if (of_mate or record.get("entrypoint") != "cli") and message.get("stop_reason") not in _GOES_ON:
                watch.ended = True
    elif kind == "system" and record.get("subtype") == "turn_duration":
        watch.ended = True
    elif kind == "user" and begins and watch.before_turn:
        watch.before_turn = False
    elif kind == "user" and (begins or _is_interruption(record)):
        watch.ended = True


def _keep_text(watch: _Watch, message: dict[str, Any]) -> None:
    content = message.get("content")
    blocks = content if isinstance(content, list) else []
    text = "\n".join(
        block["text"]
        for block in blocks
        if isinstance(block, dict) and block.get("type") == "text" and isinstance(block.get("text"), str)
    )
    if not text:
        return
    if watch.text and message.get("id") is not None and message.get("id") == watch.message_id:
        text = f"{watch.text}\n{text}"
    watch.message_id, watch.text = message.get("id"), text[:MAX_ANSWER]


def _message(record: dict[str, Any]) -> dict[str, Any]:
    message = record.get("message")
    return message if isinstance(message, dict) else {}


def _is_session_start(record: dict[str, Any]) -> bool:
    attachment = record.get("attachment")
    return isinstance(attachment, dict) and attachment.get("hookEvent") == "SessionStart"


def _is_interruption(record: dict[str, Any]) -> bool:
    content = _message(record).get("content")
    if isinstance(content, list) and len(content) == 1 and isinstance(content[0], dict):
        content = content[0].get("text")
    return isinstance(content, str) and content.startswith("[Request interrupted by user")


def _may_matter(line: bytes) -> bool:
    return not line.startswith(b'{"type":"api-request') and (
        b'"uuid"' in line or b'"queue-operation"' in line
    )


def _record(line: bytes) -> dict[str, Any] | None:
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return record if isinstance(record, dict) else None
