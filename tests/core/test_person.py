"""What a person signs, and how a signature is read."""

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from multifleet.core.person import BadSignature, read_signature, signed_words, words_of
from tests.core.wire import message

FIELDS = {"id": "i", "from_": "mac1", "to": "mac2/api", "type": "context", "at": 5, "body": "hello"}
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


def armored(blob: bytes) -> str:
    body = base64.b64encode(blob).decode()
    return f"-----BEGIN SSH SIGNATURE-----\n{body}\n-----END SSH SIGNATURE-----\n"


def packed(*strings: bytes) -> bytes:
    return b"SSHSIG" + (1).to_bytes(4, "big") + b"".join(len(one).to_bytes(4, "big") + one for one in strings)


def test_the_signed_words_are_one_line_of_json() -> None:
    words = signed_words(**FIELDS, subject="s")  # type: ignore[arg-type]
    assert json.loads(words) == [
        "multifleet message 2",
        "i",
        "mac1",
        "mac2/api",
        "context",
        5,
        "next-turn",
        None,
        None,
        None,
        "s",
        "hello",
    ]
    assert b"\n" not in signed_words(**(FIELDS | {"body": "a\nb"}))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "changed",
    [
        {"id": "00000000-0000-7000-8000-000000000009"},
        {"from_": "mac3"},
        {"from_": "mac1/web"},
        {"urgency": "now"},
        {"to": "mac2/web"},
        {"type": "task"},
        {"body": "hello!"},
        {"subject": "s"},
        {"thread": "t"},
        {"reply_to": "00000000-0000-7000-8000-000000000009"},
        {"session": "s1"},
        {"signed_at": 8},
    ],
)
def test_a_signature_covers_all_that_is_shown_and_where_it_goes(changed: dict[str, object]) -> None:
    one = message(authority="human", signature="x", signed_at=7)
    assert words_of(message(authority="human", signature="x", signed_at=7, n=4)) == words_of(one)
    assert words_of(message(**({"authority": "human", "signature": "x", "signed_at": 7} | changed))) != words_of(one)


@given(TEXT, TEXT, TEXT, TEXT)
def test_no_two_messages_have_the_same_words(subject: str, body: str, other: str, other_body: str) -> None:
    one, two = ({**FIELDS, "subject": s, "body": b} for s, b in ((subject, body), (other, other_body)))
    same = (subject, body) == (other, other_body)
    assert (signed_words(**one) == signed_words(**two)) is same  # type: ignore[arg-type]


def test_a_signature_names_its_key() -> None:
    read = read_signature(armored(packed(b"key", b"multifleet", b"", b"sha512", b"sig")))
    assert read.key == base64.b64encode(b"key").decode()
    assert read.fingerprint == "SHA256:LHDhK3oGRvkiefQnx7OOczTY5Tic/xZ6HcMOc/gmtoM"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "hello",
        "-----BEGIN SSH SIGNATURE-----\n-----END SSH SIGNATURE-----",
        "-----BEGIN SSH SIGNATURE-----\n!!!\n-----END SSH SIGNATURE-----",
        armored(b"SSHSIG"),
        armored(b"SSHSIX" + bytes(40)),
        armored(packed(b"key")),
        armored(packed(b"key", b"git", b"", b"sha512", b"sig")),
        armored(b"SSHSIG" + (1).to_bytes(4, "big") + (2**32 - 1).to_bytes(4, "big")),
    ],
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(BadSignature):
        read_signature(text)
