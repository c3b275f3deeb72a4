"""The text in which private keys lie: read as it was written, and nothing else is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from multifleet.core.key_text import BadKeys, read_keys, write_keys
from multifleet.core.keys import Identity, OwnKey

KEYS = st.binary(min_size=32, max_size=32)
TIMES = st.integers(1, 10**13).map(lambda milliseconds: milliseconds / 1000)
ONE, TWO = "11" * 32, "22" * 32


@given(KEYS, TIMES, st.lists(st.tuples(KEYS, TIMES, TIMES), min_size=1, max_size=8, unique_by=lambda key: key[0]))
def test_what_was_written_is_read(ed25519: bytes, made: float, keys: list[tuple[bytes, float, float]]) -> None:
    older = tuple(OwnKey(*key) for key in keys[1:])
    identity = Identity("mac1", ed25519, keys[0][0], made, older)
    assert read_keys("mac1", write_keys(identity), 0) == identity


def test_nine_keys_fit_into_the_smallest_keyring() -> None:
    older = tuple(OwnKey(bytes([number]) * 32, 10.0**10 + 0.123, 10.0**10 + 0.123) for number in range(8))
    assert len(write_keys(Identity("mac1", bytes(32), b"x" * 32, 10.0**10, older))) < 1_280


def test_the_form_of_earlier_versions_is_read() -> None:
    found = read_keys("mac1", f"{ONE}:{TWO}", 7)
    assert (found.ed25519.hex(), found.x25519.hex(), found.made, found.older) == (ONE, TWO, 7.0, ())


@pytest.mark.parametrize(
    "text",
    [
        "",
        ONE,
        f"{ONE}:",
        f"{ONE}:{TWO},",
        f"{ONE}:{TWO}@",
        f"{ONE}:{TWO}@1@",
        f"{ONE}:{TWO}@1@2@3",
        f"{ONE}:{TWO}@-1",
        f"{ONE}:{TWO}@1.",
        f"{ONE}:{TWO}@1.2345",
        f"{ONE}:{TWO}@1,{TWO}@1@2",
        f"{ONE}:{TWO}@1,{ONE}@1",
        f"{ONE}:{TWO}\n",
        f"{ONE[:-2]}:{TWO}",
        f"{ONE}:{TWO[:-2]}",
    ],
)
def test_anything_else_is_no_text_of_keys_and_is_not_repeated(text: str) -> None:
    with pytest.raises(BadKeys) as refused:
        read_keys("mac1", text, 0)
    assert ONE[:16] not in str(refused.value)
