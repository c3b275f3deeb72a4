"""A frame is opened whole and from a member, or refused by the first check that it fails."""

import hashlib
import hmac
import re
from collections.abc import Callable
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from hypothesis import example, given
from hypothesis import strategies as st

from multifleet.core.frame import (
    FRAME_LIMIT,
    REFUSALS,
    WINDOW,
    FrameRefused,
    Refusal,
    open_frame,
    read_header,
    seal,
)
from multifleet.core.keys import PairKeys
from multifleet.core.mac import digest
from tests.core.wire import KEYS, MAC1, MAC2, MAC3, NONCE, NOW, keys_of, pair, sealed

ELSEWHERE = pair(MAC3, MAC2)
"""Of a node that mac2 does not know."""
HEADER = f"mf1 mac1 mac2 {KEYS.kid} {NOW} {NONCE.hex()}".encode()


def refusal_of(frame: bytes, now: float | None = NOW, not_before: float = 0.0) -> Refusal | None:
    """How mac2 refuses a frame; None where it opens it."""
    try:
        open_frame(frame, "mac2", keys_of, now, not_before)
    except FrameRefused as refused:
        return refused.refusal
    return None


def with_mac(text: bytes, rest: bytes, keys: PairKeys = KEYS) -> bytes:
    """A frame whose MAC is good, whatever the rest is."""
    return text + b" " + digest(keys.mac, text, b"\n", rest).hex().encode() + b"\n" + rest


def for_another_node(sent: int = NOW) -> bytes:
    """Under the right keys, with another recipient in the header."""
    return seal(KEYS, "mac1", "mac3", sent, NONCE, b"{}")


def not_sealed(sent: int = NOW) -> bytes:
    """A good MAC over bytes that nobody sealed."""
    text = f"mf1 mac1 mac2 {KEYS.kid} {sent} {NONCE.hex()}".encode()
    return with_mac(text, b"in the clear, not sealed")


def flipped(frame: bytes, place: int = -1) -> bytes:
    """The frame with one bit changed."""
    changed = bytearray(frame)
    changed[place] ^= 1
    return bytes(changed)


TABLE: dict[Refusal, list[tuple[str, bytes]]] = {
    Refusal.TOO_LARGE: [
        ("a good frame over the limit", sealed(b"x" * FRAME_LIMIT)),
        ("noise over the limit", b"\0" * (FRAME_LIMIT + 1)),
    ],
    Refusal.MALFORMED: [
        ("nothing", b""),
        ("no newline", sealed().replace(b"\n", b" ")),
        ("no MAC", sealed().split(b"\n")[0].rpartition(b" ")[0] + b"\nx"),
        ("an empty MAC", sealed().split(b"\n")[0].rpartition(b" ")[0] + b" \nx"),
        ("a short MAC", sealed().replace(b"\n", b"", 1)[:180] + b"\nx"),
        ("a MAC that is not ASCII", re.sub(rb" [0-9a-f]{64}\n", " é".encode() * 32 + b"\n", sealed())),
        ("a MAC in capitals", re.sub(rb" [0-9a-f]{64}\n", b" " + b"A" * 64 + b"\n", sealed())),
        ("another version", sealed().replace(b"mf1", b"mf2", 1)),
        ("two spaces", sealed().replace(b" ", b"  ", 1)),
        ("a seat as the sender", sealed().replace(b"mac1", b"mac1/api", 1)),
        ("a path as the sender", sealed().replace(b"mac1", b"../../x", 1)),
        ("a sender of 64 characters", sealed().replace(b"mac1", b"a" * 64, 1)),
        ("a negative time", sealed().replace(str(NOW).encode(), b"-5", 1)),
        ("a fraction as time", sealed().replace(str(NOW).encode(), b"1.5", 1)),
        ("a long time", sealed().replace(str(NOW).encode(), b"9" * 13, 1)),
        ("Arabic digits", sealed().replace(str(NOW).encode(), "١٢٣".encode(), 1)),
        ("a short nonce", sealed().replace(NONCE.hex().encode(), NONCE.hex().encode()[:-1], 1)),
        ("a header of 300 characters", b"mf1 " + b"a" * 400 + b"\n"),
        ("a carriage return", sealed().replace(b"\n", b"\r\n", 1)),
        ("JSON", b'{"kind":"request"}'),
    ],
    Refusal.UNKNOWN_SENDER: [
        ("a stranger", seal(ELSEWHERE, "mac3", "mac2", NOW, NONCE, b"{}")),
        ("a member under a stranger's keys", seal(ELSEWHERE, "mac1", "mac2", NOW, NONCE, b"{}")),
        ("a member of another fleet", seal(pair(MAC1, MAC2, "0" * 32), "mac1", "mac2", NOW, NONCE, b"{}")),
        ("its own frame, sent back", seal(pair(MAC2, MAC1), "mac2", "mac1", NOW, NONCE, b"{}")),
    ],
    Refusal.BAD_MAC: [
        ("a changed body", flipped(sealed())),
        ("a body cut short", sealed()[:-1]),
        ("a body drawn out", sealed() + b"x"),
        ("no body", sealed().split(b"\n")[0] + b"\n"),
        ("a MAC of zeros", re.sub(rb" [0-9a-f]{64}\n", b" " + b"0" * 64 + b"\n", sealed())),
        ("a changed time", sealed().replace(str(NOW).encode(), str(NOW + 1).encode(), 1)),
        ("a changed nonce", sealed().replace(NONCE.hex().encode(), b"f" * 32, 1)),
        ("a changed recipient", sealed().replace(b"mac2", b"mac3", 1)),
        ("the receipt key instead of the MAC key", with_mac(HEADER, b"x", replace(KEYS, mac=KEYS.receipt))),
    ],
    Refusal.WRONG_RECIPIENT: [("a frame for a third node", for_another_node())],
    Refusal.OUTSIDE_WINDOW: [
        ("from too long ago", sealed(sent=NOW - WINDOW - 1)),
        ("from the future", sealed(sent=NOW + WINDOW + 1)),
        ("from the year 33658", sealed(sent=999_999_999_999)),
        ("from the beginning of time", sealed(sent=0)),
    ],
    Refusal.NOT_SEALED: [
        ("in the clear", not_sealed()),
        ("nothing sealed", with_mac(HEADER, b"")),
        ("sealed under another header", with_mac(HEADER, sealed(sent=NOW + 1).split(b"\n", 1)[1])),
    ],
}
ROWS = [(refusal, name, frame) for refusal, rows in TABLE.items() for name, frame in rows]
BY_NODE = {Refusal.NOT_STRICT, Refusal.BAD_SCHEMA, Refusal.REPLAY, Refusal.STORE_UNAVAILABLE}
"""Refused further in, where packets are read and stored; tests/node/delivery/test_receiving.py has their rows."""


@pytest.mark.parametrize(("refusal", "frame"), [(row[0], row[2]) for row in ROWS], ids=[f"{r[0]}-{r[1]}" for r in ROWS])
def test_each_fault_gets_its_own_refusal(refusal: Refusal, frame: bytes) -> None:
    assert refusal_of(frame) is refusal


def test_every_refusal_has_a_row_here_or_in_the_tests_of_the_node() -> None:
    assert set(TABLE) | BY_NODE == set(Refusal) == set(REFUSALS)


TWO_FAULTS: list[tuple[str, bytes, Refusal]] = [
    ("too large and malformed", b"x" * (FRAME_LIMIT + 1), Refusal.TOO_LARGE),
    ("malformed and from a stranger", b"mf1 mac3  mac2\n", Refusal.MALFORMED),
    (
        "from a stranger with a bad MAC",
        flipped(seal(ELSEWHERE, "mac3", "mac2", NOW, NONCE, b"{}")),
        Refusal.UNKNOWN_SENDER,
    ),
    ("a bad MAC and another recipient", flipped(for_another_node()), Refusal.BAD_MAC),
    ("a bad MAC and too old", flipped(sealed(sent=1)), Refusal.BAD_MAC),
    ("another recipient and too old", for_another_node(sent=1), Refusal.WRONG_RECIPIENT),
    ("too old and not sealed", not_sealed(sent=1), Refusal.OUTSIDE_WINDOW),
    ("not sealed and not JSON", not_sealed(), Refusal.NOT_SEALED),
]


@pytest.mark.parametrize(("frame", "first"), [row[1:] for row in TWO_FAULTS], ids=[row[0] for row in TWO_FAULTS])
def test_of_two_faults_the_one_that_is_checked_first_is_named(frame: bytes, first: Refusal) -> None:
    assert refusal_of(frame) is first


def test_the_refusals_stand_in_the_order_of_the_checks() -> None:
    order = list(Refusal)
    assert [order.index(row[2]) for row in TWO_FAULTS[:4]] == sorted(order.index(row[2]) for row in TWO_FAULTS[:4])
    assert list(REFUSALS) == order


def test_nobody_is_answered_under_a_signature_before_the_sender_is_proved() -> None:
    proved_at = list(Refusal).index(Refusal.OUTSIDE_WINDOW)
    for place, refusal in enumerate(Refusal):
        assert REFUSALS[refusal].signed is (place >= proved_at)
        assert (REFUSALS[refusal].status == 401) is (0 < place <= proved_at)


@pytest.mark.parametrize("refusal", [Refusal.OUTSIDE_WINDOW, Refusal.NOT_SEALED])
def test_a_proved_sender_is_known_to_whoever_answers(refusal: Refusal) -> None:
    with pytest.raises(FrameRefused) as caught:
        open_frame(TABLE[refusal][0][1], "mac2", keys_of, NOW)
    assert caught.value.header is not None and caught.value.header.sender == "mac1"
    assert caught.value.keys is KEYS


@given(st.binary(max_size=2_000), st.integers(0, 10**11), st.binary(min_size=16, max_size=16))
def test_what_is_sealed_is_opened(packet: bytes, sent: int, nonce: bytes) -> None:
    opened = open_frame(seal(KEYS, "mac1", "mac2", sent, nonce, packet), "mac2", keys_of, sent)
    assert opened.packet == packet
    assert (opened.header.sender, opened.header.recipient) == ("mac1", "mac2")
    assert (opened.header.sent, opened.header.nonce) == (sent, nonce.hex())


GOOD = sealed(b'{"kind":"request","time":1,"have":0}')


@given(st.integers(0, len(GOOD) - 1), st.integers(1, 255))
def test_any_changed_byte_is_refused(place: int, change: int) -> None:
    changed = bytearray(GOOD)
    changed[place] ^= change
    assert refusal_of(bytes(changed)) in (Refusal.MALFORMED, Refusal.UNKNOWN_SENDER, Refusal.BAD_MAC)


@given(st.integers(0, len(GOOD) - 1))
def test_any_frame_cut_short_is_refused(length: int) -> None:
    assert refusal_of(GOOD[:length]) in (Refusal.MALFORMED, Refusal.BAD_MAC)


@given(st.binary(max_size=400))
@example(b"\n")
@example(b"mf1 a b 0000000000000000 0 " + b"0" * 32 + b" " + b"0" * 64 + b"\n")
def test_no_bytes_raise_anything_but_frame_refused(data: bytes) -> None:
    for read in (lambda: read_header(data), lambda: open_frame(data, "mac2", keys_of, NOW)):
        _ends_well(read)


@given(
    st.lists(
        st.sampled_from(
            [b"mf1", b"mac1", b"mac2", KEYS.kid.encode(), str(NOW).encode(), NONCE.hex().encode(), b"0" * 64]
        )
        | st.binary(max_size=70),
        max_size=9,
    ),
    st.sampled_from([b" ", b"  ", b"\t", b"\n", b""]),
    st.binary(max_size=40),
)
def test_no_header_raises_anything_but_frame_refused(parts: list[bytes], between: bytes, rest: bytes) -> None:
    _ends_well(lambda: open_frame(between.join(parts) + b"\n" + rest, "mac2", keys_of, NOW))


def test_the_window_is_as_wide_as_it_says_and_no_wider() -> None:
    for sent in (NOW - WINDOW, NOW, NOW + WINDOW):
        assert refusal_of(sealed(sent=sent)) is None
    for sent in (NOW - WINDOW - 1, NOW + WINDOW + 1):
        assert refusal_of(sealed(sent=sent)) is Refusal.OUTSIDE_WINDOW


def test_a_frame_at_rest_is_asked_for_no_window() -> None:
    assert refusal_of(sealed(sent=1), now=None) is None


@pytest.mark.parametrize("now", [NOW, None])
def test_a_new_store_takes_nothing_from_before_it_was_made(now: float | None) -> None:
    assert refusal_of(sealed(sent=NOW - 10), now, not_before=NOW - 9.0) is Refusal.OUTSIDE_WINDOW
    assert refusal_of(sealed(sent=NOW - 9), now, not_before=NOW - 8.5) is None


def test_one_text_is_sealed_differently_under_each_nonce() -> None:
    one, other = sealed(b"hello" * 20), sealed(b"hello" * 20, nonce=bytes(16))
    assert one.split(b"\n", 1)[1][:100] != other.split(b"\n", 1)[1][:100]
    assert b"hello" not in one


def test_a_frame_opens_with_the_bare_primitives_that_the_protocol_names() -> None:
    head, _, body = GOOD.partition(b"\n")
    text, _, mac = head.rpartition(b" ")
    assert hmac.new(KEYS.mac, text + b"\n" + body, hashlib.sha256).hexdigest().encode() == mac
    key = hmac.new(KEYS.seal, NONCE, hashlib.sha256).digest()
    assert ChaCha20Poly1305(key).decrypt(bytes(12), body, text) == b'{"kind":"request","time":1,"have":0}'
    assert text == f"mf1 mac1 mac2 {KEYS.kid} {NOW} {NONCE.hex()}".encode()


def _ends_well(act: Callable[[], object]) -> None:
    try:
        act()
    except FrameRefused:
        pass
