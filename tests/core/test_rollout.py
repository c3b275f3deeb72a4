"""What the file of a Codex thread proves: an item with our mark, then output of the model, and nothing less."""

import json
from typing import Any

import pytest

from multifleet.core.rollout import RING, RolloutProof
from multifleet.core.transcript import Fact

MARK = "k3jx9q0w7m5n2b8v4c6z1a0s"
OFFER = "00000000-0000-4000-8000-000000000001"


def line(kind: str, **payload: Any) -> bytes:
    return json.dumps({"timestamp": "2026-11-20T10:00:00.000Z", "type": kind, "payload": payload}).encode() + b"\n"


def said(role: str, text: str) -> bytes:
    kind = "output_text" if role == "assistant" else "input_text"
    return line("response_item", type="message", role=role, content=[{"type": kind, "text": text}])


BEGINS = line("event_msg", type="task_started")
GIVEN = said("developer", f"multifleet delivers a message\n<<<{MARK}\nhello\n{MARK}>>>")
OUTPUT = said("assistant", "I rebase now")
ENDS = line("event_msg", type="task_complete", last_agent_message="I rebase now")


def proof_of(*pieces: bytes) -> RolloutProof:
    proof = RolloutProof()
    proof.watch(OFFER, MARK)
    for piece in pieces:
        proof.feed(piece)
    return proof


@pytest.mark.parametrize(
    "pieces, fact, ended",
    [
        ((BEGINS, said("user", "hello")), Fact.NONE, False),
        ((BEGINS, GIVEN), Fact.ENTERED, False),
        ((BEGINS, GIVEN, OUTPUT), Fact.SEEN, False),
        ((BEGINS, GIVEN, line("response_item", type="function_call", name="shell")), Fact.SEEN, False),
        ((BEGINS, GIVEN, OUTPUT, ENDS), Fact.SEEN, True),
        ((BEGINS, OUTPUT, GIVEN), Fact.ENTERED, False),
        ((BEGINS, GIVEN, line("event_msg", type="turn_aborted")), Fact.ENTERED, False),
        ((BEGINS, GIVEN, line("event_msg", type="turn_aborted"), BEGINS, OUTPUT, ENDS), Fact.SEEN, True),
        ((BEGINS, GIVEN, line("event_msg", type="thread_rolled_back", num_turns=1), OUTPUT), Fact.NONE, False),
    ],
)
def test_seen_is_output_of_the_model_after_the_mark(pieces: tuple[bytes, ...], fact: Fact, ended: bool) -> None:
    sighting = proof_of(*pieces).sighting(OFFER)
    assert (sighting.fact, sighting.ended) == (fact, ended)


@pytest.mark.parametrize(
    "planted",
    [
        said("assistant", MARK),
        line("response_item", type="function_call_output", output=MARK),
        line("response_item", type="function_call", arguments=MARK),
        line("event_msg", type="user_message", message=MARK),
        line("session_meta", id="x", text=MARK),
        b"[]\n",
        b'{"type":"response_item","payload":{"type":"message","role":"user","content":"%s"}}\n' % MARK.encode(),
        b"not json " + MARK.encode() + b"\n",
    ],
)
def test_the_mark_anywhere_else_proves_nothing(planted: bytes) -> None:
    assert proof_of(BEGINS, planted, OUTPUT, ENDS).sighting(OFFER).fact is Fact.NONE


def test_the_text_of_a_turn_answers_only_what_woke_it() -> None:
    assert proof_of(BEGINS, said("user", "good morning"), GIVEN, OUTPUT, ENDS).sighting(OFFER).answer is None
    for order in ((said("user", f"{RING}mail waits"), GIVEN), (GIVEN, said("user", f"{RING}mail waits"))):
        assert proof_of(BEGINS, *order, OUTPUT, ENDS).sighting(OFFER).answer == "I rebase now"
    later = proof_of(BEGINS, said("user", f"{RING}mail waits"), OUTPUT, ENDS, BEGINS, GIVEN, OUTPUT, ENDS)
    assert later.sighting(OFFER).answer is None


def test_of_a_file_in_an_unknown_form_nothing_is_concluded() -> None:
    assert not proof_of(BEGINS, line("said", role="user", text=MARK), OUTPUT, ENDS).understood
    assert proof_of(BEGINS, said("user", "hello")).understood


def test_lines_may_be_cut_anywhere_and_news_is_told_once() -> None:
    whole = BEGINS + GIVEN + OUTPUT + ENDS
    for cut in range(0, len(whole), 37):
        proof = RolloutProof()
        proof.watch(OFFER, MARK)
        news = proof.feed(whole[:cut]) + proof.feed(whole[cut:])
        assert news[-1].fact is Fact.SEEN and news[-1].ended
    assert proof.feed(OUTPUT) == []
    proof.forget(OFFER)
    assert not proof.watched and proof.sighting(OFFER).fact is Fact.NONE
