"""The MAC is HMAC-SHA256, whatever way it is computed."""

import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from multifleet.core.mac import digest


@given(st.binary(max_size=64), st.lists(st.binary(max_size=200), max_size=4))
def test_it_is_hmac_sha256_over_the_parts_one_after_the_other(key: bytes, parts: list[bytes]) -> None:
    assert digest(key, *parts) == hmac.digest(key, b"".join(parts), "sha256")


def test_using_a_key_again_starts_afresh() -> None:
    first = digest(b"k" * 32, b"one")
    digest(b"k" * 32, b"two", b"three")
    assert digest(b"k" * 32, b"one") == first


def test_a_known_answer_of_rfc_4231() -> None:
    assert digest(b"Jefe", b"what do ya want ", b"for nothing?").hex() == (
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    )


def test_a_key_that_hmac_would_hash_first_is_refused() -> None:
    with pytest.raises(ValueError, match="64 bytes"):
        digest(b"k" * 65, b"x")
