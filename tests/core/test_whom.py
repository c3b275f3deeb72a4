"""Who is meant by a name, or by digits of a key."""

import pytest

from multifleet.core.whom import begins, is_key, nobody

KEY = "0123456789abcdef" * 4


@pytest.mark.parametrize(("digits", "enough"), [(KEY, True), (KEY[:8], True), (KEY[:7], False), ("9" * 8, False)])
def test_eight_digits_of_a_key_are_enough(digits: str, enough: bool) -> None:
    assert begins(KEY, digits) is enough


@pytest.mark.parametrize(("whom", "whole"), [(KEY, True), (KEY[:-1], False), (KEY + "0", False), (KEY + "\n", False)])
def test_a_whole_key_is_told_from_a_part(whom: str, whole: bool) -> None:
    assert is_key(whom) is whole


def test_who_is_nobody_is_told_where_to_look() -> None:
    assert nobody("zz") == (
        "no node 'zz' in the fleet: multifleet roster shows who is in it, and all keys, of which 8 digits are enough"
    )
