"""What the chat file of a session of Gemini CLI proves about messages offered to it. Fed with bytes as they come.

It reads no file. The file is the conversation in its order; after an error or an interruption the client writes it anew
without the prompt that failed. Believed is only what the client put around a hook's words in a prompt of the user, with
the offer's unguessable mark in it, and "seen" only when a record of the model itself follows.
"""

import json
from dataclasses import dataclass
from typing import Any

from multifleet.core.lines import Lines
from multifleet.core.rollout import RING
from multifleet.core.transcript import MAX_ANSWER, Fact, Sighting

HOOKS_WORDS = "<hook_context>"
"""How the client begins what a hook said."""


@dataclass(slots=True)
class _Watch:
    mark: str
    fact: Fact = Fact.NONE
    turn: object = None
    is_rung: bool = False
    """Whether its turn was begun for the mail alone."""
    ended: bool = False
    dropped: bool = False
    text: str = ""
    """What the model said last in that turn."""


class GeminiChatProof:
    """Follows one session's file for the offers that are watched in it."""

    def __init__(self) -> None:
        self._watches: dict[str, _Watch] = {}
        self._lines = Lines()
        self._turn: object = None
        self._passed_over = 0
        self.understood = False
        """Whether any prompt was found: else nothing can be said of what is missing."""

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

    @property
    def awaits_end(self) -> bool:
        """Whether the end of a turn is all that an answer lacks."""
        return any(one.fact is Fact.SEEN and one.is_rung and not one.ended for one in self._watches.values())

    def sighting(self, offer_id: str) -> Sighting:
        """All that is proven of an offer so far."""
        watch = self._watches.get(offer_id)
        if watch is None:
            return Sighting(offer_id, Fact.NONE)
        ended = watch.fact is Fact.SEEN and (watch.ended or not watch.is_rung)
        answer = watch.text[:MAX_ANSWER] if ended and watch.is_rung and watch.text else None
        return Sighting(offer_id, watch.fact, ended, answer, watch.dropped and watch.fact is Fact.NONE)

    def restart(self) -> None:
        """Forget a line that was only half there: the next bytes come from another place or another file."""
        self._lines.restart()

    def feed(self, data: bytes) -> None:
        """The next bytes; lines may be cut anywhere."""
        for line in self._lines.feed(data):
            self._doubt()
            try:
                record = json.loads(line)
            except (ValueError, RecursionError):
                continue
            if isinstance(record, dict):
                self._take(record)
        self._doubt()

    def end_turn(self) -> None:
        """The client said that the turn which is written there last is over."""
        for watch in self._watches.values():
            if watch.fact is Fact.SEEN and watch.turn == self._turn:
                watch.ended = True

    def _doubt(self) -> None:
        """What no model spoke after may be out of the conversation where a line was too long to be read."""
        if self._lines.passed_over == self._passed_over:
            return
        self._passed_over = self._lines.passed_over
        for watch in self._watches.values():
            if watch.fact is Fact.ENTERED:
                watch.fact = Fact.NONE

    def _take(self, record: dict[str, Any]) -> None:
        if "$rewindTo" in record:
            self._drop()
        elif "$set" in record:
            values = record["$set"]
            messages = values.get("messages") if isinstance(values, dict) else None
            if isinstance(messages, list):
                self._drop()
                for message in messages:
                    if isinstance(message, dict):
                        self._take_message(message)
        else:
            self._take_message(record)

    def _drop(self) -> None:
        """What no model spoke after is no part of the conversation any more, unless it is told of again."""
        for watch in self._watches.values():
            if watch.fact is Fact.ENTERED:
                watch.fact, watch.dropped = Fact.NONE, True

    def _take_message(self, record: dict[str, Any]) -> None:
        texts = _texts(record.get("content"))
        if record.get("type") == "user" and texts:
            self._take_prompt(record.get("id"), texts)
        elif record.get("type") == "gemini" and isinstance(record.get("model"), str):
            for watch in self._watches.values():
                if watch.fact is Fact.ENTERED:
                    watch.fact = Fact.SEEN
                if watch.fact is Fact.SEEN and watch.turn == self._turn and not watch.ended:
                    watch.text = "".join(texts) or watch.text

    def _take_prompt(self, turn: object, texts: list[str]) -> None:
        self.understood, self._turn = True, turn
        for watch in self._watches.values():
            if watch.fact is Fact.SEEN and watch.turn != turn:
                watch.ended = True
            if watch.fact is Fact.NONE and any(watch.mark in text for text in texts if text.startswith(HOOKS_WORDS)):
                watch.fact, watch.turn, watch.dropped = Fact.ENTERED, turn, False
                watch.is_rung = texts[0].startswith(RING)


def _texts(content: object) -> list[str]:
    """The texts of a record; results of tools are none."""
    if isinstance(content, str):
        return [content]
    parts = content if isinstance(content, list) else []
    return [part["text"] for part in parts if isinstance(part, dict) and isinstance(part.get("text"), str)]
