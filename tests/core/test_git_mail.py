"""Refs and wrappings of letters in a git repository."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from multifleet.core.frame import FRAME_LIMIT
from multifleet.core.git_mail import BLOB_LIMIT, GitMail, is_letter

MAIL = GitMail("0123456789abcdef" * 2)
LETTER = MAIL.letter("mac2", bytes(range(16)))


def test_names_are_the_same_on_every_node_and_tell_none() -> None:
    assert LETTER == GitMail(MAIL.fleet).letter("mac2", bytes(range(16)))
    assert LETTER.startswith(f"{MAIL.mailbox('mac2')}/") and MAIL.mailbox("mac2").startswith(f"{MAIL.folder}/")
    assert MAIL.mailbox("mac1") != MAIL.mailbox("mac2")
    assert "mac" not in LETTER and MAIL.fleet[:16] not in LETTER
    assert MAIL.fleet not in repr(MAIL) or "_key" not in repr(MAIL)


def test_vectors_of_the_protocol_hold() -> None:
    assert LETTER == (
        "refs/fleet/9141f139baa0bf91/620644359e2b1d12b4978c6796c533cb/000102030405060708090a0b0c0d0e0f"
    )
    assert MAIL.wrap(LETTER, b"mf1").hex() == "7b3bb26349a0c802834ced17e23635b6b63800"


@given(st.binary(max_size=2_000))
def test_a_frame_comes_out_as_it_went_in(frame: bytes) -> None:
    assert MAIL.unwrap(LETTER, MAIL.wrap(LETTER, frame)) == frame


@given(st.binary(max_size=200))
def test_what_others_leave_there_is_no_letter(blob: bytes) -> None:
    assert MAIL.unwrap(LETTER, blob) is None


def test_a_letter_is_of_one_ref_of_one_fleet_and_whole() -> None:
    blob = MAIL.wrap(LETTER, b"frame")
    assert MAIL.unwrap(MAIL.letter("mac2", bytes(16)), blob) is None
    assert MAIL.unwrap(MAIL.letter("mac3", bytes(range(16))), blob) is None
    assert GitMail("f" * 32).unwrap(LETTER, blob) is None
    assert MAIL.unwrap(LETTER, blob[:-1]) is None
    assert MAIL.unwrap(LETTER, bytes(BLOB_LIMIT + 1)) is None
    assert len(MAIL.wrap(LETTER, bytes(FRAME_LIMIT))) == BLOB_LIMIT


@pytest.mark.parametrize(
    "ref",
    [
        "refs/heads/main",
        "refs/fleet/x",
        LETTER.upper(),
        LETTER + "0",
        LETTER + "\n",
        LETTER + "/more",
        LETTER.replace("refs/", "refs/../refs/"),
        f"--upload-pack={LETTER}",
        f"+{LETTER}",
        f"{LETTER}:refs/heads/main",
        LETTER.replace("fleet", "heads"),
    ],
)
def test_other_refs_are_no_letters(ref: str) -> None:
    assert is_letter(LETTER) and not is_letter(ref)
