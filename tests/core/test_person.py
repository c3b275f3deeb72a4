"""What a person signs, and how a signature is read."""

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from multifleet.core.person import BadSignature, read_signature, signed_words, times_of, to_sign
from tests.core.wire import FLEET, NOW, message

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


def armored(blob: bytes) -> str:
    body = base64.b64encode(blob).decode()
    return f"-----BEGIN SSH SIGNATURE-----\n{body}\n-----END SSH SIGNATURE-----\n"


def packed(*strings: bytes) -> bytes:
    return b"SSHSIG" + (1).to_bytes(4, "big") + b"".join(len(one).to_bytes(4, "big") + one for one in strings)


def human(**fields: object) -> bytes:
    """The signed words of a person's message."""
    return signed_words(message(**({"authority": "human", "signed_at": NOW} | fields)), FLEET)


def test_the_signed_words_are_one_line_of_json() -> None:
    one = message(signed_at=NOW + 1, subject="s", body="a\nb")
    words = signed_words(one, FLEET)
    head = ["multifleet message 3", FLEET, one.id, "mac1", "mac2/api", "context", NOW, NOW + 3_600, NOW + 1]
    assert json.loads(words) == [*head, "next-turn", 0, False, None, None, None, None, "s", "a\nb"]
    assert b"\n" not in words


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
        {"signed_at": NOW + 1},
        {"created": NOW + 1},
        {"expires": NOW + 3_601},
        {"hops": 1},
        {"smart": True},
        {"from_mode": "prompting"},
    ],
)
def test_a_signature_covers_all_that_is_shown_and_where_it_goes_and_when(changed: dict[str, object]) -> None:
    assert human(signature="x", n=4, prev="00000000-0000-7000-8000-000000000009") == human()
    assert human(**changed) != human()


def test_a_signature_is_for_one_fleet() -> None:
    assert signed_words(message(signed_at=NOW), "e" * 32) != signed_words(message(signed_at=NOW), FLEET)


@given(TEXT, TEXT, TEXT, TEXT)
def test_no_two_messages_have_the_same_words(subject: str, body: str, other: str, other_body: str) -> None:
    same = (subject, body) == (other, other_body)
    assert (human(subject=subject, body=body) == human(subject=other, body=other_body)) is same


@pytest.mark.parametrize(("lifetime", "waits"), [(None, 7 * 86_400), (1, 1), (60.0, 60), (0.5, 1), (2.25, 3)])
def test_what_is_signed_ends_when_its_author_said(lifetime: float | None, waits: int) -> None:
    made = to_sign(id="i", from_="mac1", to="mac2", type="context", at=NOW, lifetime=lifetime, body="hello")
    assert (made.created, made.expires) == times_of(NOW, lifetime) == (NOW, NOW + waits)


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
