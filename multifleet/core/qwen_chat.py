"""What the chat file of a session of Qwen Code proves about messages offered to it. Fed with bytes as they come.

It reads no file. Believed is only what the client itself put into the conversation in the name of the user, as a notice
of another session or as a hook's words, with the offer's unguessable mark in it; and "seen" only when a record of the
model has such a one among its ancestors.
"""

import json
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

from multifleet.core.lines import Lines
from multifleet.core.transcript import MAX_ANSWER, MAX_LINEAGE, Fact, Sighting

HOOKS_WORDS = "<qwen:user-prompt-submit-context>"
"""How the client begins what a hook said."""
NOTICE, MID_TURN = "notification", "mid_turn_user_message"
"""A record of another session's message, which begins a turn of its own; and one of words that came during a turn."""


@dataclass(slots=True)
class _Watch:
    mark: str
    fact: Fact = Fact.NONE
    began_turn: bool = False
    """Whether the turn was begun for the mail alone."""
    ended: bool = False
    text: str = ""
    """What the model said last in that turn."""


class QwenChatProof:
    """Follows one session's file for the offers that are watched in it."""

    def __init__(self) -> None:
        self._watches: dict[str, _Watch] = {}
        self._lines = Lines()
        self._lineage: OrderedDict[str, frozenset[str]] = OrderedDict()
        self.understood = False
        """Whether anything that a model was given was found: else nothing can be said of what is missing."""

    @property
    def watched(self) -> frozenset[str]:
        """The ids of the offers that are watched."""
        return frozenset(self._watches)

    def watch(self, offer_id: str, mark: str) -> None:
        """Look for this offer from now on, by the mark of its fence."""
        self._watches[offer_id] = _Watch(mark)

    def forget(self, offer_id: str) -> None:
        """Stop looking for an offer."""
        self._watches.pop(offer_id, None)
        if not self._watches:
            self._lineage.clear()

    def sighting(self, offer_id: str) -> Sighting:
        """All that is proven of an offer so far."""
        watch = self._watches.get(offer_id)
        if watch is None:
            return Sighting(offer_id, Fact.NONE)
        answer = watch.text if watch.ended and watch.began_turn and watch.text else None
        return Sighting(offer_id, watch.fact, watch.ended, answer)

    def restart(self) -> None:
        """Forget a line that was only half there: the next bytes come from another place or another file."""
        self._lines.restart()

    def feed(self, data: bytes) -> None:
        """The next bytes; lines may be cut anywhere."""
        for line in self._lines.feed(data):
            try:
                record = json.loads(line)
            except (ValueError, RecursionError):
                continue
            if isinstance(record, dict) and isinstance(record.get("uuid"), str):
                self._take(record)

    def _take(self, record: dict[str, Any]) -> None:
        parent, kind = record.get("parentUuid"), record.get("type")
        inherited = self._lineage.get(parent, frozenset()) if isinstance(parent, str) else frozenset()
        parts = _parts(record)
        entered = self._entered(record.get("subtype"), parts) if kind == "user" else frozenset()
        for offer_id in inherited - entered:
            if (watch := self._watches.get(offer_id)) is not None:
                _follow(watch, record, parts)
        for offer_id in entered:
            watch = self._watches[offer_id]
            if watch.fact is Fact.NONE:
                watch.fact, watch.began_turn = Fact.ENTERED, record.get("subtype") == NOTICE
        if alive := frozenset(one for one in inherited | entered if one in self._watches):
            self._lineage[record["uuid"]] = alive
            while len(self._lineage) > MAX_LINEAGE:
                self._lineage.popitem(last=False)

    def _entered(self, subtype: object, parts: list[dict[str, Any]]) -> frozenset[str]:
        texts = [part["text"] for part in parts if isinstance(part.get("text"), str)]
        self.understood = self.understood or bool(texts)
        if subtype not in (NOTICE, MID_TURN):
            texts = [text for text in texts if text.startswith(HOOKS_WORDS)]
        return frozenset(
            offer_id for offer_id, watch in self._watches.items() if any(watch.mark in text for text in texts)
        )


def _follow(watch: _Watch, record: dict[str, Any], parts: list[dict[str, Any]]) -> None:
    """What a record that descends from an offer means for it."""
    kind = record.get("type")
    if kind == "assistant":
        watch.fact = Fact.SEEN
        if not watch.ended:
            said = (part["text"] for part in parts if isinstance(part.get("text"), str) and not part.get("thought"))
            watch.text = "".join(said)[:MAX_ANSWER] or watch.text
            watch.ended = not any("functionCall" in part for part in parts)
    elif kind == "user" and record.get("subtype") != MID_TURN:
        watch.ended = True  # another turn begins: that one was broken off


def _parts(record: dict[str, Any]) -> list[dict[str, Any]]:
    message = record.get("message")
    parts = message.get("parts") if isinstance(message, dict) else None
    return [part for part in parts if isinstance(part, dict)] if isinstance(parts, list) else []
