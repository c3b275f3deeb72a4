"""What a Gemini CLI session's file proves: a prompt with our mark in a hook's words, then a record of the model."""

import json
from typing import Any

import pytest

from multifleet.core.gemini_chat import GeminiChatProof
from multifleet.core.rollout import RING
from multifleet.core.transcript import MAX_LINE, Fact

MARK = "4c5d1b0f3e7a4c6f9d2b8a1e0f6c7d3b"
OFFER = "4c5d1b0f-3e7a-4c6f-9d2b-8a1e0f6c7d3b"
WORDS = f"<hook_context>from mac1 {MARK} rebase please {MARK}</hook_context>"

Record = dict[str, Any]


def prompt(id: str, *texts: str) -> Record:
    return {"id": id, "type": "user", "content": [{"text": text} for text in texts]}


def model(text: str, **more: Any) -> Record:
    return {"id": "m" + text, "type": "gemini", "content": text, "model": "gemini-2.5-pro", **more}


def anew(*messages: Record) -> Record:
    return {"$set": {"messages": list(messages), "lastUpdated": "2026-11-21T22:55:29.641Z"}}


BEGINS = anew(prompt("0", "<session_context>\nThis is the Gemini CLI.</session_context>"))
GIVEN = prompt("1", "good morning", WORDS)
RUNG = prompt("1", f"{RING}mail waits", WORDS)
USED = model("I look", toolCalls=[{"name": "run_shell_command", "status": "success"}])
RESULT = {"id": "2", "type": "user", "content": [{"functionResponse": {"name": "x", "response": {"output": WORDS}}}]}
NOTED = {"$set": {"lastUpdated": "2026-11-21T22:55:29.641Z"}}
FAILED = {"id": "3", "type": "error", "content": "[API Error]"}


def proof_of(*records: Record) -> GeminiChatProof:
    proof = GeminiChatProof()
    proof.watch(OFFER, MARK)
    data = b"".join(json.dumps(record).encode() + b"\n" for record in records)
    for at in range(0, len(data), 100):
        proof.feed(data[at : at + 100])
    return proof


@pytest.mark.parametrize(
    "records, fact, ended, dropped",
    [
        ([BEGINS], Fact.NONE, False, False),
        ([BEGINS, GIVEN, NOTED], Fact.ENTERED, False, False),
        ([BEGINS, GIVEN, model("done")], Fact.SEEN, True, False),
        ([BEGINS, RUNG, USED, RESULT, model("done")], Fact.SEEN, False, False),
        ([BEGINS, RUNG, model("done"), prompt("4", "thanks")], Fact.SEEN, True, False),
        ([BEGINS, GIVEN, FAILED, anew()], Fact.NONE, False, True),
        ([BEGINS, GIVEN, {"$rewindTo": "1"}], Fact.NONE, False, True),
        ([BEGINS, GIVEN, anew(GIVEN)], Fact.ENTERED, False, False),
        ([BEGINS, GIVEN, anew(), GIVEN, model("done")], Fact.SEEN, True, False),
        ([anew(GIVEN, model("done"))], Fact.SEEN, True, False),
        ([BEGINS, GIVEN, model("done"), anew()], Fact.SEEN, True, False),
    ],
)
def test_what_is_proven(records: list[Record], fact: Fact, ended: bool, dropped: bool) -> None:
    sighting = proof_of(*records).sighting(OFFER)
    assert (sighting.fact, sighting.ended, sighting.dropped) == (fact, ended, dropped)


@pytest.mark.parametrize(
    "record",
    [
        prompt("1", f"what does {WORDS} mean?"),
        prompt("1", f"good morning {MARK}"),
        RESULT,
        {"id": "1", "type": "info", "content": WORDS},
        {"id": "1", "type": "gemini", "content": WORDS, "model": "gemini-2.5-pro"},
        {"id": "1", "type": "user", "content": [{"text": 5}, None]},
        {"$set": None},
        {"$set": {"messages": ["odd", {"type": "user"}]}},
    ],
)
def test_a_mark_elsewhere_and_what_is_odd_prove_nothing(record: Record) -> None:
    assert proof_of(BEGINS, record, model("done")).sighting(OFFER).fact is Fact.NONE


def test_what_the_client_put_into_the_models_mouth_is_none_of_its_words() -> None:
    synthetic = {"id": "5", "type": "gemini", "content": "received"}
    assert proof_of(BEGINS, GIVEN, synthetic).sighting(OFFER).fact is Fact.ENTERED


def test_the_last_words_of_a_turn_that_the_mail_began_answer_it_once_the_turn_is_over() -> None:
    proof = proof_of(BEGINS, RUNG, USED, RESULT, model("rebased"))
    assert proof.sighting(OFFER).answer is None
    proof.end_turn()
    assert proof.sighting(OFFER).answer == "rebased"
    later = proof_of(BEGINS, RUNG, model("rebased"), anew(RUNG, model("rebased")), prompt("6", "thanks"), model("ok"))
    assert later.sighting(OFFER).answer == "rebased"


def test_the_users_own_turn_answers_nothing() -> None:
    proof = proof_of(BEGINS, GIVEN, model("done"))
    proof.end_turn()
    assert proof.sighting(OFFER).answer is None


def test_a_prompt_before_a_line_that_is_too_long_to_be_read_is_not_proved_by_what_comes_after() -> None:
    proof = proof_of(BEGINS, GIVEN)
    proof.feed(json.dumps(anew(model("x" * MAX_LINE))).encode() + b"\n")
    proof.feed(json.dumps(model("done")).encode() + b"\n")
    assert proof.sighting(OFFER).fact is Fact.NONE and not proof.sighting(OFFER).dropped
    seen = proof_of(BEGINS, GIVEN, model("done"))
    seen.feed(b"x" * (MAX_LINE + 1))
    assert seen.sighting(OFFER).fact is Fact.SEEN


def test_half_a_line_of_another_file_is_void_and_a_session_without_prompts_not_understood() -> None:
    proof = proof_of(BEGINS, FAILED)
    assert proof.understood and not proof_of(FAILED).understood
    proof.feed(b'{"type": "user", "content": [{"te')
    proof.restart()
    proof.feed(json.dumps(GIVEN).encode() + b"\n")
    assert proof.sighting(OFFER).fact is Fact.ENTERED
    proof.forget(OFFER)
    assert not proof.watched and proof.sighting(OFFER).fact is Fact.NONE
