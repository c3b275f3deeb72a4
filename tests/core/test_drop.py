"""The name of a file says by which way its frame came, and nothing else is read from it."""

import pytest

from multifleet.core.drop import parked_name, seed_name, way_of

DIGITS = "0123456789abcdef" * 2


def test_names_say_by_which_way_a_frame_came() -> None:
    assert way_of(seed_name(DIGITS)) == "seed"
    assert way_of(parked_name(DIGITS * 2, "ssh")) == "ssh"
    assert way_of(parked_name(DIGITS * 2)) == "drop"


@pytest.mark.parametrize("name", ["nats-" + DIGITS + ".frame", "seed-.frame", "seed-" + DIGITS, "../seed-x.frame", ""])
def test_any_other_name_says_nothing(name: str) -> None:
    assert way_of(name) == "drop"
