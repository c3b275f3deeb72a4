"""What the transcript of a team mate proves: lines as Claude Code 2.1.329 and 2.1.197 write them."""

import json
from typing import Any

import pytest

from multifleet.core.transcript import Fact, TranscriptProof

MARK = "0192a3b4c5d67890"
FEEDBACKS = (
    f"TeammateIdle hook feedback:\n[/bin/sh /p/hooks/mate-idle.sh /p]: A message {MARK}\n",
    f"TeammateIdle hook feedback:\nA message {MARK}",
)


def line(uuid: str, parent: str | None, **more: Any) -> dict[str, Any]:
    own = {"agentId": "ascout-5750e27ffa1089bd", "isSidechain": True, "entrypoint": "cli"}
    return {"parentUuid": parent, "uuid": uuid, **own, **more}


def feedback(text: str, **more: Any) -> dict[str, Any]:
    return line("u1", "a0", type="user", isMeta=True, message={"role": "user", "content": text}) | more


def answer(uuid: str, parent: str, text: str, stop: str | None = "end_turn") -> dict[str, Any]:
    content = [{"type": "text", "text": text}]
    return line(uuid, parent, type="assistant", message={"id": uuid, "content": content, "stop_reason": stop})


def proof_of(*lines: dict[str, Any], of_mate: bool = True) -> TranscriptProof:
    proof = TranscriptProof(of_mate=of_mate)
    proof.watch("offer", MARK)
    proof.feed("".join(json.dumps(one) + "\n" for one in lines).encode())
    return proof


@pytest.mark.parametrize("text", FEEDBACKS)
def test_what_the_hook_said_is_there_and_is_seen_and_answered_by_what_follows_it(text: str) -> None:
    assert proof_of(feedback(text)).fact("offer") is Fact.ENTERED
    going_on = proof_of(feedback(text), answer("a1", "u1", "let me look", "tool_use"))
    assert going_on.fact("offer") is Fact.SEEN and not going_on.sighting("offer").ended
    done = proof_of(feedback(text), answer("a1", "u1", "let me look", "tool_use"), answer("a2", "a1", "done"))
    assert (done.sighting("offer").ended, done.answer("offer")) == (True, "done")


def test_an_answer_beside_it_proves_nothing() -> None:
    assert proof_of(feedback(FEEDBACKS[0]), answer("a1", "a0", "of another")).fact("offer") is Fact.ENTERED


@pytest.mark.parametrize(
    "other",
    [
        feedback(f"the team mate wrote: {MARK}"),
        feedback(FEEDBACKS[0], isMeta=None),
        feedback(FEEDBACKS[0].replace("TeammateIdle", "Stop")),
        line("u1", "a0", type="assistant", message={"content": FEEDBACKS[0]}, isMeta=True),
    ],
    ids=["a text", "typed", "another hook", "the model"],
)
def test_a_text_that_merely_holds_the_mark_proves_nothing(other: dict[str, Any]) -> None:
    assert proof_of(other, answer("a1", "u1", "done")).fact("offer") is Fact.NONE


def test_in_the_transcript_of_a_session_that_is_no_mate_it_proves_nothing() -> None:
    lines = feedback(FEEDBACKS[0]), answer("a1", "u1", "done")
    assert proof_of(*lines, of_mate=False).fact("offer") is Fact.NONE
