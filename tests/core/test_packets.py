"""Packets are read strictly whichever way: the fast reader never takes what the strict one refuses."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from multifleet.core import packets
from multifleet.core.packets import (
    Answer,
    BadPacket,
    Message,
    PacketAnswer,
    Request,
    Statement,
    Wire,
    read,
    write,
)
from multifleet.core.strict import NotStrict, parse
from tests.core.wire import message

ID = "00000000-0000-7000-8000-000000000001"
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
IDS = st.uuids().map(str)

messages = st.builds(
    message,
    id=IDS,
    type=st.sampled_from(["context", "task", "reply", "alert", "broadcast", "sync", "repair"]),
    from_=st.sampled_from(["mac1", "mac1/web.ui"]),
    to=st.sampled_from(["mac2", "mac2/api"]),
    body=TEXT,
    created=st.integers(0, 10**12),
    expires=st.integers(0, 10**12),
    n=st.integers(1, 10**12),
    prev=st.none() | IDS,
    thread=st.none() | TEXT.filter(bool),
    reply_to=st.none() | IDS,
    subject=st.none() | TEXT,
    urgency=st.sampled_from(["now", "next-turn", "whenever"]),
    authority=st.sampled_from(["human", "agent", "system"]),
    hops=st.integers(0, 64),
    signature=st.none() | TEXT.filter(bool),
    signed_at=st.none() | st.integers(0, 10**12),
)
statements = st.builds(
    Statement,
    seq=st.integers(0, 10**15),
    id=IDS,
    state=st.sampled_from(["stored", "seen", "answered"]),
    at=st.integers(0, 10**15),
    channel=st.sampled_from(["", "http"]),
    attempt=st.integers(0, 10**9),
    detail=TEXT,
    mac=st.just("0" * 64),
)
requests = st.builds(
    Request,
    time=st.integers(0, 10**12),
    have=st.integers(0, 10**15),
    log=st.lists(statements, max_size=3),
    packets=st.lists(messages.map(write).map(msgspec.Raw), max_size=3),
    attempt=st.integers(0, 10**9),
)
answers = st.builds(
    Answer,
    re=st.just("0" * 32),
    time=st.integers(0, 10**12),
    have=st.integers(0, 10**15),
    log=st.lists(statements, max_size=3),
    answers=st.lists(st.builds(PacketAnswer, id=IDS, outcome=st.sampled_from(["stored", "refused"]), reason=TEXT)),
    refusal=st.sampled_from(["", "replay"]),
    reason=TEXT,
)
written = messages | requests | answers


@given(written)
def test_a_packet_is_read_as_it_was_written(packet: Wire) -> None:
    assert write(read(write(packet), type(packet))) == write(packet)


@given(written, st.sampled_from([1, 2, None]), st.booleans())
def test_a_packet_written_by_another_program_is_read_alike(packet: Wire, indent: int | None, escaped: bool) -> None:
    document = json.loads(write(packet))
    # Another program may write defaults too, in another order, with blanks, and escape what it likes.
    shuffled = dict(reversed(list(document.items()))) if isinstance(document, dict) else document
    text = json.dumps(shuffled, indent=indent, ensure_ascii=escaped).encode()
    assert json.loads(write(read(text, type(packet)))) == document


@given(messages, st.data())
def test_the_fast_reader_takes_nothing_that_the_strict_one_refuses(packet: Message, data: st.DataObject) -> None:
    text = bytearray(write(packet))
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, len(text) - 1))
        text[place : place + data.draw(st.integers(0, 2))] = data.draw(
            st.sampled_from(
                [b"", b"{", b"]", b'"', b",", b"\\", b"\\u0041", b"0", b"1e2", b"\xff", b"NaN", b" ", b"\n"]
            )
        )
    _compare(bytes(text), Message)


@given(st.binary(max_size=80) | TEXT.map(str.encode), st.sampled_from([Message, Request, Answer]))
def test_no_bytes_raise_anything_but_the_two_refusals(data: bytes, form: type[Wire]) -> None:
    _compare(data, form)


def _compare(data: bytes, form: type[Wire]) -> None:
    try:
        packet = read(data, form)
    except (NotStrict, BadPacket):
        return
    document = parse(data)
    assert isinstance(document, dict)
    assert json.loads(write(packet)).items() <= document.items() or json.loads(write(packet)).keys() <= document.keys()


def changed(**fields: Any) -> bytes:
    """A good message with some fields replaced; by ... left out."""
    document = json.loads(write(message())) | fields
    return json.dumps({key: value for key, value in document.items() if value is not ...}).encode()


BAD_MESSAGES: dict[str, bytes] = {
    "an id with a newline": changed(id=ID + "\n"),
    "an id in capitals": changed(id="ABCDEF00-0000-7000-8000-000000000001"),
    "an id that is a path": changed(id="../../x"),
    "an address with a newline": changed(to="mac2/api\n"),
    "an address that is an option": changed(to="-oProxyCommand=x"),
    "an address of 300 characters": changed(to="a" * 300),
    "a sender with a substitution": changed(**{"from": "$(id)"}),
    "a type that there is not": changed(type="order"),
    "a fraction as a time": changed(created=1.5),
    "a whole number written as a fraction": changed(created=1.0),
    "a time with an exponent": changed().replace(b'"n": 1', b'"n": 1e0'),
    "a truth as a number": changed(n=True),
    "a number as text": changed(n="1"),
    "a time before 1970": changed(created=-1),
    "a time beyond all years": changed(expires=10**13),
    "a message before the first": changed(n=0),
    "a subject of 201 characters": changed(subject="x" * 201),
    "an empty thread": changed(thread=""),
    "a thread of 121 characters": changed(thread="x" * 121),
    "an authority that there is not": changed(authority="root"),
    "too many hops": changed(hops=65),
    "a field that there is not": changed(sudo=True),
    "no body": changed(body=...),
    "no authority": changed(authority=...),
    "null as a body": changed(body=None),
    "a list": b"[]",
    "null": b"null",
}


@pytest.mark.parametrize("name", BAD_MESSAGES)
def test_a_message_of_another_shape_is_refused(name: str) -> None:
    with pytest.raises(BadPacket):
        read(BAD_MESSAGES[name], Message)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("id", ID + "\n"),
        ("state", "stored\n"),
        ("channel", "http\n"),
        ("channel", "-x y"),
        ("mac", "0" * 64 + "\n"),
        ("detail", "x" * (packets.DETAIL_LIMIT + 1)),
        ("seq", -1),
        ("at", 10**16),
    ],
)
def test_a_statement_of_another_shape_is_refused(field: str, value: object) -> None:
    fields = ["seq", "id", "state", "at", "channel", "attempt", "detail", "mac"]
    line: list[object] = [1, ID, "stored", 1, "http", 1, "", "0" * 64]
    line[fields.index(field)] = value
    with pytest.raises(BadPacket):
        read(json.dumps({"kind": "request", "time": 1, "have": 0, "log": [line]}).encode(), Request)


@pytest.mark.parametrize(
    "request_fields",
    [
        {"kind": "answer"},
        {"packets": [{}] * (packets.BATCH_LIMIT + 1)},
        {"have": -1},
        {"attempt": 1.0},
        {"unknown": 1},
    ],
)
def test_a_request_of_another_shape_is_refused(request_fields: dict[str, Any]) -> None:
    document = {"kind": "request", "time": 1, "have": 0} | request_fields
    with pytest.raises(BadPacket):
        read(json.dumps({k: v for k, v in document.items() if v is not ...}).encode(), Request)


def test_a_bad_packet_in_a_request_refuses_only_itself() -> None:
    good = write(message())
    deep = b"[" * 100 + b"]" * 100
    request = read(write(Request(time=1, have=0, packets=[msgspec.Raw(deep), msgspec.Raw(good)])), Request)
    with pytest.raises(NotStrict):
        read(request.packets[0], Message)
    assert read(request.packets[1], Message) == message()


def test_the_largest_body_fits_into_one_request_and_one_frame() -> None:
    from multifleet.core.frame import FRAME_LIMIT

    worst = write(message(body='"' * packets.BODY_LIMIT))
    assert len(worst) < packets.BATCH_BYTES < FRAME_LIMIT
