"""What a Qwen Code session's file proves: our mark where the client itself puts it, then a record of the model."""

import json
from typing import Any

import pytest

from multifleet.core.qwen_chat import QwenChatProof
from multifleet.core.transcript import Fact

MARK = "4c5d1b0f3e7a4c6f9d2b8a1e0f6c7d3b"
OFFER = "4c5d1b0f-3e7a-4c6f-9d2b-8a1e0f6c7d3b"
TEXT = f"from mac1 {MARK} rebase please {MARK}"

Record = dict[str, Any]


def record(kind: str, *parts: Record, subtype: str | None = None, **more: Any) -> Record:
    role = "model" if kind == "assistant" else "user"
    made: Record = {"type": kind, "message": {"role": role, "parts": list(parts)}, **more}
    return made | ({"subtype": subtype} if subtype else {})


def text(words: str, **more: Any) -> Record:
    return {"text": words, **more}


NOTICE = record(
    "user",
    text(f'<cross_session_message from="/s" name="mac1">\n{TEXT}\n</cross_session_message>'),
    subtype="notification",
)
HOOKED = record("user", text("good morning"), text(f"<qwen:user-prompt-submit-context>\n{TEXT}\n</qwen:user-...>"))
TYPED = record("user", text(f"what is {MARK}?"))
MID_TURN = record("user", text("and hurry"), subtype="mid_turn_user_message")
CALL = record("assistant", text("I look"), {"functionCall": {"name": "run_shell_command", "args": {}}})
RESULT = record("tool_result", {"functionResponse": {"name": "run_shell_command", "response": {"output": TEXT}}})
DONE = record("assistant", text("hm", thought=True), text("do"), text("ne"))
NOTED = {"type": "system", "subtype": "ui_telemetry", "systemPayload": {"uiEvent": {"response_text": TEXT}}}
ASKED = record("user", text("thanks"))


def proof_of(*records: Record, parents: tuple[int, ...] = ()) -> QwenChatProof:
    """Of a file in which each record follows the one before it, or the one that `parents` names."""
    proof = QwenChatProof()
    proof.watch(OFFER, MARK)
    lines = []
    for number, one in enumerate(records):
        parent = parents[number] if parents else number - 1
        lines.append({"uuid": f"u{number}", "parentUuid": f"u{parent}" if parent >= 0 else None, **one})
    data = b"".join(json.dumps(line).encode() + b"\n" for line in lines)
    for at in range(0, len(data), 100):
        proof.feed(data[at : at + 100])
    return proof


@pytest.mark.parametrize(
    "records, fact, ended, answer",
    [
        ([NOTICE], Fact.ENTERED, False, None),
        ([NOTICE, NOTED, DONE], Fact.SEEN, True, "done"),
        ([NOTICE, CALL], Fact.SEEN, False, None),
        ([NOTICE, CALL, RESULT, MID_TURN, DONE], Fact.SEEN, True, "done"),
        ([NOTICE, CALL, RESULT, ASKED, DONE], Fact.SEEN, True, "I look"),
        ([NOTICE, ASKED, DONE], Fact.SEEN, True, None),
        ([HOOKED, DONE], Fact.SEEN, True, None),
        ([HOOKED], Fact.ENTERED, False, None),
        ([TYPED, DONE], Fact.NONE, False, None),
        ([ASKED, CALL, RESULT, DONE], Fact.NONE, False, None),
        ([NOTED, DONE], Fact.NONE, False, None),
        ([ASKED, DONE, NOTICE], Fact.ENTERED, False, None),
    ],
)
def test_facts_follow_from_what_descends(records: list[Record], fact: Fact, ended: bool, answer: str | None) -> None:
    sighting = proof_of(*records).sighting(OFFER)
    assert (sighting.fact, sighting.ended, sighting.answer) == (fact, ended, answer)


def test_what_the_model_says_on_another_branch_proves_nothing() -> None:
    assert proof_of(ASKED, NOTICE, ASKED, DONE, parents=(-1, 0, 0, 2)).sighting(OFFER).fact is Fact.ENTERED


@pytest.mark.parametrize(
    "odd",
    [
        [],
        7,
        {"uuid": 7},
        {"uuid": "x", "type": "user", "message": 7},
        {"uuid": "x", "type": "user", "message": {"parts": 7}},
    ],
)
def test_what_is_odd_changes_nothing(odd: Any) -> None:
    proof = proof_of()
    proof.feed(json.dumps(odd).encode() + b"\nnot json\n")
    assert proof.sighting(OFFER).fact is Fact.NONE and not proof.understood


def test_nothing_is_kept_of_what_is_not_looked_for() -> None:
    proof = proof_of(NOTICE, DONE)
    assert proof.understood and proof.watched == {OFFER}
    proof.forget(OFFER)
    assert proof.sighting(OFFER).fact is Fact.NONE and not proof.watched
