"""How the address of a team mate is made."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from multifleet.core.ids import SEAT_PATTERN, is_seat_name
from multifleet.core.mates import mate_seat

MATES = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}", fullmatch=True)


@pytest.mark.parametrize(
    ("seat", "name", "taken", "address"),
    [
        ("api", "scout", (), "api.scout"),
        ("api", "Scout", (), "api.scout"),
        ("api", "scout", ("api.scout",), "api.scout-2"),
        ("api", "scout", ("api.scout", "api.scout-2"), "api.scout-3"),
        ("a" * 63, "scout", (), "a" * 57 + ".scout"),
        ("api", "b" * 64, (), "api." + "b" * 40),
    ],
)
def test_an_address_is_the_leads_seat_and_the_mates_name(
    seat: str, name: str, taken: tuple[str, ...], address: str
) -> None:
    assert mate_seat(seat, name, taken) == address


@given(st.from_regex(SEAT_PATTERN, fullmatch=True), MATES)
def test_whatever_the_names_are_it_can_be_written_and_nobody_else_has_it(seat: str, name: str) -> None:
    taken: list[str] = []
    for _ in range(12):
        taken.append(mate_seat(seat, name, taken))
        assert is_seat_name(taken[-1])
    assert len(set(taken)) == len(taken)
