"""What the file of a Codex thread proves about messages that were offered to it. Fed with bytes as they appear.

It reads no file. The file is the conversation in its order. Believed is only an item in the name of the developer or
the user that holds the offer's unguessable mark, and "seen" only when the model has put something out after it. What a
tool printed, or the model itself wrote, proves nothing.
"""

import json
from dataclasses import dataclass
from typing import Any

from multifleet.core.lines import Lines
from multifleet.core.transcript import MAX_ANSWER, Fact, Sighting

RING = "multifleet: "
"""How the prompt begins with which a thread is woken; the text of a turn that it began answers what was shown in it."""

_GIVEN = ("developer", "user")
_PUT_OUT = ("function_call", "custom_tool_call", "local_shell_call", "web_search_call", "reasoning")
_BEGINS = ("task_started", "turn_started")
_ENDS = ("task_complete", "turn_complete")


@dataclass(slots=True)
class _Watch:
    mark: str
    fact: Fact = Fact.NONE
    turn: int = -1
    ended: bool = False
    answer: str | None = None


class RolloutProof:
    """Follows one thread's file for the offers that are watched in it."""

    def __init__(self) -> None:
        self._watches: dict[str, _Watch] = {}
        self._lines = Lines()
        self._turn = 0
        self._rung = -1
        """The turn that began because the thread was woken."""
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

    def sighting(self, offer_id: str) -> Sighting:
        """All that is proven of an offer so far."""
        watch = self._watches.get(offer_id)
        return Sighting(offer_id, watch.fact, watch.ended, watch.answer) if watch else Sighting(offer_id, Fact.NONE)

    def restart(self) -> None:
        """Forget a line that was only half there: the next bytes come from another place or another file."""
        self._lines.restart()

    def feed(self, data: bytes) -> list[Sighting]:
        """What the next bytes prove beyond what was known; lines may be cut anywhere."""
        before = {offer_id: (watch.fact, watch.ended) for offer_id, watch in self._watches.items()}
        for line in self._lines.feed(data):
            try:
                record = json.loads(line)
            except (ValueError, RecursionError):
                continue
            payload = record.get("payload") if isinstance(record, dict) else None
            if isinstance(payload, dict):
                self._take(record.get("type"), payload)
        return [
            self.sighting(offer_id)
            for offer_id, watch in self._watches.items()
            if (watch.fact, watch.ended) != before[offer_id]
        ]

    def _take(self, kind: object, payload: dict[str, Any]) -> None:
        what = payload.get("type")
        if kind == "response_item" and what == "message" and payload.get("role") in _GIVEN:
            self._take_given(payload)
        elif kind == "response_item" and (what in _PUT_OUT or payload.get("role") == "assistant"):
            for watch in self._watches.values():
                if watch.fact is Fact.ENTERED:
                    watch.fact = Fact.SEEN
        elif kind == "event_msg" and what in _BEGINS:
            self._turn += 1
        elif kind == "event_msg" and what in _ENDS:
            self._end(payload.get("last_agent_message"))
        elif kind == "event_msg" and what == "turn_aborted":
            self._end(None)
        elif kind == "event_msg" and what == "thread_rolled_back":
            for watch in self._watches.values():
                if watch.fact is Fact.ENTERED:
                    watch.fact = Fact.NONE  # it is no part of the conversation any more

    def _take_given(self, payload: dict[str, Any]) -> None:
        content = payload.get("content")
        parts = content if isinstance(content, list) else []
        texts = [part["text"] for part in parts if isinstance(part, dict) and isinstance(part.get("text"), str)]
        self.understood = self.understood or bool(texts)
        if payload.get("role") == "user" and any(text.startswith(RING) for text in texts):
            self._rung = self._turn
        for watch in self._watches.values():
            if watch.fact is Fact.NONE and any(watch.mark in text for text in texts):
                watch.fact, watch.turn = Fact.ENTERED, self._turn

    def _end(self, text: object) -> None:
        for watch in self._watches.values():
            if watch.fact is not Fact.SEEN or watch.ended:
                continue
            watch.ended = True
            if watch.turn == self._turn == self._rung and isinstance(text, str) and text:
                watch.answer = text[:MAX_ANSWER]
