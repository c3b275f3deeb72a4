"""What recorded transcripts of the real client (2.1.329) prove, and what made-up ones must not."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from multifleet.core.transcript import MAX_LINE, Fact, Sighting, TranscriptProof

RECORDED = Path(__file__).parent / "transcripts"
LOST = "00000000-0000-4000-8000-00000000000a"

# recording, offer, token -> (fact, the turn is over, the answer), in the order in which it came to light
EXPECTED: dict[tuple[str, str, str], list[tuple[str, bool, str | None]]] = {
    ("idle", "4e1cff5f-7714-4339-9e54-1f4f9a36dd59", "mf_tokA"): [
        ("queued", False, None),
        ("entered", False, None),
        ("seen", False, None),
        ("seen", True, "mock answer"),
    ],
    # absorbed in a turn that the user began: seen, and the text of that turn is not its answer
    ("busy", "b0bec56d-fffc-4108-8bec-4cfeb6bafd04", "mf_tokC"): [
        ("queued", False, None),
        ("entered", False, None),
        ("seen", False, None),
        ("seen", True, None),
    ],
    # the API refused it: not seen; a later good turn has it in its conversation, and answers something else
    ("api_error_then_answer", "55e5ecce-dff5-439e-a101-33e4d12efc02", "mf_tokD"): [
        ("queued", False, None),
        ("entered", False, None),
        ("entered", True, None),
        ("seen", True, None),
    ],
    ("interrupted_then_next_turn", "8bb73376-c358-40d6-b47f-f6067436baa1", "mf_tokE"): [
        ("queued", False, None),
        ("entered", False, None),
        ("entered", True, None),
        ("seen", True, None),
    ],
    # a turn with two tool calls: only its last text is the answer
    ("interrupted_then_next_turn", "f9b2dae0-9042-4990-affe-4a4b2f0596aa", "mf_tokF"): [
        ("queued", False, None),
        ("entered", False, None),
        ("seen", False, None),
        ("seen", True, "both ran, final words"),
    ],
    ("print", "f7c646b1-b391-49db-9af1-d9ba5064e862", "mf_tokP1"): [
        ("queued", False, None),
        ("entered", False, None),
        ("seen", True, "mock answer"),
    ],
    ("print", "aab2bb71-823c-43ea-b865-c4e755454609", "mf_tokP2"): [
        ("queued", False, None),
        ("entered", False, None),
        ("seen", False, None),
        ("seen", True, "mock answer"),
    ],
    ("held", "87258c82-f3e1-4e72-9210-5e32cd3fc007", "mf_x"): [],
    ("held_then_delivered", "87258c82-f3e1-4e72-9210-5e32cd3fc007", "mf_x"): [
        ("queued", False, None),
        ("entered", False, None),
        ("seen", False, None),
        ("seen", True, "mock answer"),
    ],
    ("lost", LOST, "mf_tokL"): [("queued", False, None)],
    ("prolonged_by_stop_hook", "f1694bab-cefd-429c-9c9f-6b20e5cfc533", "mf_tokH"): [
        ("queued", False, None),
        ("entered", False, None),
        ("seen", False, None),
        ("seen", True, "mock answer"),
    ],
    # text that hooks handed over: when the session began, with a prompt, at the end of a turn
    # text with which a program of ours woke an idle session of 2.1.197, and one between two tool calls
    ("woken", LOST, "fence0first0mark"): [
        ("queued", False, None),
        ("entered", False, None),
        ("seen", False, None),
        ("seen", True, "Understood."),
    ],
    ("woken_while_busy", LOST, "fence0busy0mark"): [
        ("queued", False, None),
        ("entered", False, None),
        ("seen", False, None),
        ("seen", True, None),
    ],
    ("hooks", LOST, "fence0start0mark"): [
        ("entered", False, None),
        ("seen", False, None),
        ("seen", True, None),
    ],
    ("hooks", LOST, "fence0prompt0mark"): [
        ("entered", False, None),
        ("seen", False, None),
        ("seen", True, None),
    ],
    ("hooks", LOST, "fence0stop0mark"): [
        ("entered", False, None),
        ("seen", False, None),
        ("seen", True, None),
    ],
}


def news(recording: bytes, offer: str, token: str, sizes: list[int]) -> list[Sighting]:
    proof = TranscriptProof()
    proof.watch(offer, token)
    found: list[Sighting] = []
    start = 0
    while start < len(recording):
        size = sizes[start % len(sizes)]
        found += proof.feed(recording[start : start + size])
        start += size
    return found


@pytest.mark.parametrize("case", EXPECTED, ids=lambda case: f"{case[0]}-{case[2]}")
def test_a_recorded_transcript_proves_just_this(case: tuple[str, str, str]) -> None:
    name, offer, token = case
    recording = (RECORDED / f"{name}.jsonl").read_bytes()
    lines = [len(line) for line in recording.splitlines(keepends=True)]
    proof = TranscriptProof()
    proof.watch(offer, token)
    found, start = [], 0
    for size in lines:
        found += proof.feed(recording[start : start + size])
        start += size
    assert [(s.fact.value, s.ended, s.answer) for s in found] == EXPECTED[case]


@given(sizes=st.lists(st.integers(1, 4000), min_size=1, max_size=7), case=st.sampled_from(sorted(EXPECTED)))
@settings(max_examples=60, deadline=None)
def test_it_does_not_matter_where_the_bytes_are_cut(sizes: list[int], case: tuple[str, str, str]) -> None:
    name, offer, token = case
    found = news((RECORDED / f"{name}.jsonl").read_bytes(), offer, token, sizes)
    last = found[-1] if found else None
    wanted = EXPECTED[case][-1] if EXPECTED[case] else None
    assert (last and (last.fact.value, last.ended, last.answer)) == wanted
    heights = [sighting.fact.height for sighting in found]
    assert heights == sorted(heights), "what is proven is never taken back"


OFFER = "11111111-1111-4111-8111-111111111111"


def entry(**more: Any) -> dict[str, Any]:
    origin = {"kind": "peer", "msg_id": OFFER}
    return {
        "type": "user",
        "uuid": "u1",
        "parentUuid": None,
        "promptSource": "system",
        "origin": origin,
        **more,
    }


def output(**more: Any) -> dict[str, Any]:
    message = {
        "id": "m1",
        "model": "claude",
        "stop_reason": "end_turn",
        "content": [{"type": "text", "text": "yes"}],
    }
    record = {"type": "assistant", "uuid": "a1", "parentUuid": "u1", "entrypoint": "cli", "message": message}
    return {**record, **more}


def fact_of(*records: dict[str, Any]) -> Fact:
    proof = TranscriptProof()
    proof.watch(OFFER, "token0token0token")
    proof.feed(b"".join(json.dumps(record).encode() + b"\n" for record in records))
    return proof.fact(OFFER)


def test_an_answer_that_descends_is_proof() -> None:
    assert fact_of(entry(), output()) is Fact.SEEN


@pytest.mark.parametrize(
    "record",
    [
        output(parentUuid="elsewhere"),
        output(parentUuid=None),
        output(isApiErrorMessage=True),
        output(message={"model": "<synthetic>", "content": [{"type": "text", "text": "yes"}]}),
        output(isSidechain=True),
        output(type="user"),
        output(type="system", subtype="informational"),
        {"type": "api-request", "id": "x", "parentUuid": "u1", "uuid": "a1"},
    ],
)
def test_what_is_not_the_models_output_for_it_is_no_proof(record: dict[str, Any]) -> None:
    assert fact_of(entry(), record) is Fact.ENTERED


@pytest.mark.parametrize(
    "record",
    [
        entry(origin={"kind": "human", "msg_id": OFFER}),
        entry(origin={"kind": "peer", "msg_id": "22222222-2222-4222-8222-222222222222"}),
        entry(origin=OFFER),
        entry(origin=None, message={"content": f"{OFFER} token0token0token"}),
        entry(uuid=None),
        {"type": "queue-operation", "operation": "enqueue", "content": "token0token0token"},
        {
            "type": "queue-operation",
            "operation": "enqueue",
            "content": 'I quote: <cross-session-message from="uds:/x" from-session="token0token0token">',
        },
        {
            "type": "queue-operation",
            "operation": "dequeue",
            "content": '<cross-session-message from-session="token0token0token">',
        },
        {
            "type": "attachment",
            "uuid": "u1",
            "attachment": {"type": "file", "content": ["token0token0token"]},
        },
        {
            "type": "attachment",
            "uuid": "u1",
            "attachment": {"type": "hook_additional_context", "content": "x"},
        },
    ],
)
def test_a_text_that_merely_holds_our_id_is_no_entry(record: dict[str, Any]) -> None:
    assert fact_of(record, output()) is Fact.NONE


def test_the_rest_of_an_answer_begun_before_the_offer_came_in_is_no_proof() -> None:
    before = output(uuid="a0", parentUuid="x")
    assert fact_of(before, entry(), output()) is Fact.ENTERED
    later = {**output()["message"], "id": "m2"}
    assert fact_of(before, entry(), output(), output(uuid="a2", parentUuid="a1", message=later)) is Fact.SEEN


def test_an_answer_after_a_compaction_rests_on_what_was_summed_up() -> None:
    boundary = {"type": "system", "subtype": "compact_boundary", "uuid": "b1", "parentUuid": None}
    summary = {"type": "user", "uuid": "s1", "parentUuid": "b1", "isCompactSummary": True}
    later = output(uuid="a2", parentUuid="s1")
    assert fact_of(entry(), {**boundary, "logicalParentUuid": "u1"}, summary) is Fact.ENTERED
    assert fact_of(entry(), {**boundary, "logicalParentUuid": "u1"}, summary, later) is Fact.SEEN
    assert fact_of(entry(), {**boundary, "logicalParentUuid": "other"}, summary, later) is Fact.ENTERED
    assert fact_of(entry(), {**boundary, "subtype": "other", "logicalParentUuid": "u1"}, summary, later) is Fact.ENTERED


@given(
    st.dictionaries(
        st.sampled_from(["type", "uuid", "parentUuid", "message", "attachment", "origin", "content", "subtype"]),
        st.recursive(
            st.none() | st.booleans() | st.sampled_from(["assistant", "user", "attachment", "u1", "system", OFFER]),
            lambda inner: st.lists(inner, max_size=2)
            | st.dictionaries(st.sampled_from(["id", "type", "content", "kind", "stop_reason", "text"]), inner),
            max_leaves=6,
        ),
    )
)
def test_no_record_of_whatever_shape_raises(record: dict[str, Any]) -> None:
    fact_of(entry(), {"uuid": "a1", "parentUuid": "u1", **record}, {**record, "type": "queue-operation"})


def test_lines_that_are_no_records_are_passed_over() -> None:
    proof = TranscriptProof()
    proof.watch(OFFER, "token")
    deep = b'{"uuid":' + b"[" * 100_000 + b"\n"
    proof.feed(b'not json "uuid"\n[1]\n"uuid"\n\n' + deep + b'{"uuid": 3, "type": "user"}\n\xff\xfe"uuid"\n')
    proof.feed(json.dumps(entry()).encode() + b"\n")
    assert proof.fact(OFFER) is Fact.ENTERED


def test_half_a_line_waits_for_its_end() -> None:
    line = json.dumps(entry()).encode()
    proof = TranscriptProof()
    proof.watch(OFFER, "token")
    assert proof.feed(line) == []
    assert [s.fact for s in proof.feed(b"\n")] == [Fact.ENTERED]


def test_half_a_line_of_a_file_that_was_replaced_is_forgotten() -> None:
    proof = TranscriptProof()
    proof.watch(OFFER, "token")
    proof.feed(b'{"half": ')
    proof.restart()
    assert [s.fact for s in proof.feed(json.dumps(entry()).encode() + b"\n")] == [Fact.ENTERED]


def test_a_line_without_end_does_not_fill_the_memory() -> None:
    proof = TranscriptProof()
    proof.watch(OFFER, "token")
    piece = b"x" * (1 << 20)
    for _ in range(40):
        proof.feed(piece)
        assert len(proof._partial) <= MAX_LINE
    proof.feed(b"\n" + json.dumps(entry()).encode() + b"\n")
    assert proof.fact(OFFER) is Fact.ENTERED and proof.skipped == 1


def test_a_long_conversation_after_an_offer_does_not_fill_the_memory() -> None:
    proof = TranscriptProof()
    proof.watch(OFFER, "token")
    proof.feed(json.dumps(entry()).encode() + b"\n")
    parent = "u1"
    for number in range(25_000):
        uuid = f"n{number}"
        proof.feed(
            b'{"type":"attachment","uuid":"%s","parentUuid":"%s"}\n' % (uuid.encode(), parent.encode())
        )
        parent = uuid
    assert len(proof._lineage) <= 20_000
    proof.feed(json.dumps(output(parentUuid=parent)).encode() + b"\n")
    assert proof.fact(OFFER) is Fact.SEEN


def test_what_is_forgotten_is_not_reported_any_more() -> None:
    proof = TranscriptProof()
    proof.watch(OFFER, "token")
    proof.feed(json.dumps(entry()).encode() + b"\n")
    proof.forget(OFFER)
    assert proof.feed(json.dumps(output()).encode() + b"\n") == []
    assert proof.watched == frozenset() and proof.fact(OFFER) is Fact.NONE


def test_two_offers_in_one_turn_are_both_seen() -> None:
    other = "33333333-3333-4333-8333-333333333333"
    proof = TranscriptProof()
    proof.watch(OFFER, "token1")
    proof.watch(other, "token2")
    second = entry(uuid="u2", parentUuid="u1", origin={"kind": "peer", "msg_id": other})
    del second["promptSource"]
    for record in (entry(), second, output(parentUuid="u2")):
        proof.feed(json.dumps(record).encode() + b"\n")
    assert proof.fact(OFFER) is Fact.SEEN and proof.fact(other) is Fact.SEEN


def test_the_text_blocks_of_one_answer_belong_together() -> None:
    first = output(entrypoint="cli")
    more = output(uuid="a2", parentUuid="a1")
    more["message"] = {**more["message"], "content": [{"type": "text", "text": "and more"}]}
    end = {"type": "system", "subtype": "turn_duration", "uuid": "s1", "parentUuid": "a2"}
    proof = TranscriptProof()
    proof.watch(OFFER, "token")
    for record in (entry(), first, more, end):
        proof.feed(json.dumps(record).encode() + b"\n")
    assert proof.answer(OFFER) == "yes\nand more"
